"""No comparison runs before a policy, not of ids either: the policies themselves look rows up, by their patient."""

from alembic import op

from libs.tenancy.isolation import narrowing, predicate, renew_policies

revision = "0010"
down_revision = "0009"

OF_PATIENT = ("patient_key", "erasure", "erasure_part", "legal_hold", "discarded", "tombstone")
OF_SESSION = ("session", "recording")


def upgrade() -> None:
    """Renew the policies; a session's id leads to its patient."""
    for table in (*OF_PATIENT, *OF_SESSION):
        renew_policies(op, f"ingestion.{table}", session=table in OF_SESSION, listed=table == "session")
    # Keys are for the work on a recording (0008).
    for_work = predicate("ingestion:write", patient=True, session=True)
    op.execute(f"alter policy tenant_read on ingestion.recording using ({for_work})")
    narrowing(op, "ingestion.session", "session_id", "session")
