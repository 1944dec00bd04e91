"""A source keeps the day by which the patient was told it, and its time can always be read."""

from alembic import op

from libs.common.database.time_columns import keep_readable

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the day, none for all that came before."""
    op.execute("alter table chat.message_source add column session_day date")
    keep_readable(op, "chat.message_source", "session_date")
