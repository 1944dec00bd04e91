"""A key moves to a new pepper under the capability of its own organization: SQL of the service ends no other key."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Let row-level security decide whose digest is changed; drop the functions that asked nobody or nobody calls."""
    op.execute("grant update (digest, pepper_version) on gateway.api_key to svc_gateway")
    for function in ("repepper_key(text, bytea, bytea, int)", "find_key(text)", "touch_key(text)"):
        op.execute(f"drop function gateway.{function}")
