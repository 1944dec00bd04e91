"""No comparison runs before a policy, not of ids either: the policies themselves look rows up, by their patient."""

from alembic import op

from libs.tenancy.isolation import renew_policies

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Renew the policies, and give tokens an index by patients."""
    renew_policies(op, "gateway.patient_token")
    renew_policies(op, "gateway.tombstone")
    op.execute("create index token_of_patient on gateway.patient_token (organization_id, patient_id)")
