"""Whether a transcript is of a whole recording: one whose end is missing is transcribed as well, and says so."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add it; the transcripts that exist are of whole recordings, since no other was taken."""
    op.execute("alter table transcriber.transcript add column recording_complete boolean not null default true")
