"""A recording and its key are for the work on it: what may only read sessions sees none."""

from alembic import op

from libs.tenancy.isolation import predicate

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Ask for more than the chat and the lists of sessions have."""
    condition = predicate("ingestion:write", patient=True, session=True)
    op.execute(f"alter policy tenant_read on ingestion.recording using ({condition})")
