"""How far a transcription is: what is heard of the recording, and when the words are expected."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add what is not known of the sessions that are in progress."""
    op.execute("""
        alter table ingestion.session
          add column transcribed_share real check (transcribed_share between 0 and 1),
          add column transcribed_by timestamptz""")
    op.execute("grant update (transcribed_share, transcribed_by) on ingestion.session to svc_ingestion")
