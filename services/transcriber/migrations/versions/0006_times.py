"""Times that callers sent can always be read."""

from alembic import op

from libs.common.database.time_columns import keep_readable

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Repair what no part could read, and keep such times out."""
    keep_readable(op, "transcriber.transcript", "session_date")
