"""No comparison runs before a policy, not of ids either: the policies themselves look rows up, by their patient."""

from alembic import op

from libs.tenancy.audit import audit_by_patient
from libs.tenancy.isolation import narrowing, predicate, renew_policies

revision = "0009"
down_revision = "0008"

TABLES = ("conversation", "message", "message_source", "turnstile", "sent", "tombstone")


def upgrade() -> None:
    """Renew the policies; the id of a conversation or a message leads to its patient."""
    for table in TABLES:
        renew_policies(op, f"chat.{table}")
    for table in ("answer_audit", "read_audit"):
        audit_by_patient(op, f"chat.{table}")
    narrowing(op, "chat.conversation", "id", "conversation")
    narrowing(op, "chat.message", "id", "message")
    _consented()


def _consented() -> None:
    # Asked once per statement and not once per row, where the patient is known.
    op.execute("""
        create function chat.consents_standing(patient uuid) returns uuid[]
        language plpgsql stable set search_path = pg_catalog as $$
        declare c ctx.claims := ctx.scope('chat:read');
        begin
          return array(select consent.records_in_force(c.org, patient));
        end $$""")
    op.execute("revoke all on function chat.consents_standing(uuid) from public")
    op.execute("grant execute on function chat.consents_standing(uuid) to svc_chat")
    patient = "(ctx.narrowed('chat:read')).patient"
    consented = f"""
      case when (select {patient}) is null
        then chat.stands(patient_id, array[therapist_id], array[consent_id])
        else therapist_id = any ((select chat.therapists_allowed({patient}))::uuid[])
         and consent_id = any ((select chat.consents_standing({patient}))::uuid[]) end"""
    # One policy: a restrictive one runs before the others, and so on every row of every organization.
    op.execute("drop policy consented on chat.message_source")
    mine = predicate("chat:read", patient=True, session=False)
    op.execute(f"alter policy tenant_read on chat.message_source using ({mine} and {consented})")
