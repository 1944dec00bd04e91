"""The words that say for when, where a model found them: a part of the mention's own, under the same guards."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the column; without it the words are read from the mention as before."""
    op.execute("alter table embedder.commitment_mention add column due text")
