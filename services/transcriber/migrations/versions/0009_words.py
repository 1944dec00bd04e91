"""The times of words stay with their transcript; before, they went with the vendor's response."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add them; of the transcripts that exist they are lost."""
    # A column of its own, out of line: whoever reads segments alone does not read ten times as much.
    op.execute("alter table transcriber.transcript add column words jsonb")
