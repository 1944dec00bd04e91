"""Organizations and users say where their clocks are; when a key expires can always be read."""

from alembic import op

from libs.common.database.time_columns import keep_readable

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the zones, none for all that came before, and hold the times that callers send."""
    for table in ("organization", "users"):
        op.execute(f"""
            alter table gateway.{table} add column time_zone text
              check (length(time_zone) between 1 and 64 and time_zone !~ '[^A-Za-z0-9_+/-]')""")
    op.execute("grant update (time_zone) on gateway.users to svc_gateway")
    keep_readable(op, "gateway.api_key", "expires_at")
