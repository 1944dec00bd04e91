"""The outbox becomes an archive by weeks; claims say which worker is at which event."""

from alembic import op

from libs.common.database.migration import archive

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Partition the outbox and create the claims."""
    archive(op, "ingestion")
