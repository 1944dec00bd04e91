"""A session's time can always be read, and a day that was given without a time is kept as that day."""

from alembic import op

from libs.common.database.time_columns import keep_readable

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the day; null where an instant was given, and for all that came before."""
    op.execute("alter table ingestion.session add column session_day date")
    op.execute("""
        alter table ingestion.session add constraint session_day_readable
        check (session_day between date '1900-01-01' and date '9999-12-30')""")
    keep_readable(op, "ingestion.session", "session_date")
