"""A key moves to a new pepper under the capability of its own organization: SQL of the service ends no other key."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Let row-level security decide whose digest is changed; the function that asked nobody does nothing any more."""
    op.execute("grant update (digest, pepper_version) on gateway.api_key to svc_gateway")
    # Kept for a gateway of before, which calls it: its keys move when a gateway of now is asked.
    op.execute("""
        create or replace function gateway.repepper_key(key_id text, was bytea, becomes bytea, version int) returns void
        language sql volatile set search_path = pg_catalog as $$ select $$""")
