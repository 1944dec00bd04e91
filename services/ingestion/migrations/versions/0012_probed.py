"""What a probe found in a recording: whether its end is there, and where it could not be decoded."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add what is not known of the recordings that are stored already."""
    op.execute("""
        alter table ingestion.session
          add column recording_complete boolean,
          add column damaged_at_s double precision check (damaged_at_s >= 0)""")
    op.execute("grant update (recording_complete, damaged_at_s) on ingestion.session to svc_ingestion")
