"""No comparison runs before a policy, not of ids either: the policies themselves look rows up, by their patient."""

from alembic import op

from libs.tenancy.isolation import renew_policies

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Renew the policies of what is not words; words have always been looked up so."""
    renew_policies(op, "embedder.indexed", session=True)
    renew_policies(op, "embedder.withdrawn")
    renew_policies(op, "embedder.tombstone")
    op.execute("create index indexed_of_patient on embedder.indexed (organization_id, patient_id, session_id)")
