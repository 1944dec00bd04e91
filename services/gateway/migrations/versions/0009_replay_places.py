"""An Idempotency-Key is found by an id made of its digest: no other comparison may use an index before a policy."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the id and its index."""
    op.execute("""
        alter table gateway.replay add column place_id uuid
          generated always as (encode(substring(key_sha256 for 16), 'hex')::uuid) stored""")
    op.execute("create index replay_by_place on gateway.replay (organization_id, place_id)")
