"""Where in a mention the words stand that say for when, if a model found them: a place and no words."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the column; without it the words are looked for in the mention as before."""
    op.execute("alter table embedder.commitment_mention add column due integer[] check (cardinality(due) = 2)")
