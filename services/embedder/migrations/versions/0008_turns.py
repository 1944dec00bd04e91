"""Each turn of a passage has a vector of its own, so that the turn that answers is told from its neighbours.

Always of the local model, whichever model embeds the passages: nothing is bought twice, and its heads can read it.
"""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the vectors to their passage: consent, erasure and row-level security are those of the words."""
    op.execute("alter table embedder.passage add column turn_vectors public.halfvec[]")
