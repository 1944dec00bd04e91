"""Notes and claims of events are reached by an event's id only; the database stamps what is emitted."""

from alembic import op

from libs.common.database.migration import private_events

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Take the tables away and give the functions."""
    private_events(op, "embedder")
