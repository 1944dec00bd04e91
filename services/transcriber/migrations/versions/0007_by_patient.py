"""No comparison runs before a policy, not of ids either: the policies themselves look rows up, by their patient."""

from alembic import op

from libs.tenancy.audit import audit_by_patient
from libs.tenancy.isolation import narrowing, predicate, renew_policies

revision = "0007"
down_revision = "0006"

OF_SESSION = ("transcript", "heard", "job")
OF_PATIENT = ("withdrawn", "tombstone")


def upgrade() -> None:
    """Renew the policies; a session's id leads to its patient, by its words or by the work on them."""
    for table in (*OF_SESSION, *OF_PATIENT):
        renew_policies(op, f"transcriber.{table}", session=table in OF_SESSION)
    for table in OF_SESSION:
        op.execute(f"create index {table}_of_patient on transcriber.{table} (organization_id, patient_id, session_id)")
    audit_by_patient(op, "transcriber.read_audit")
    narrowing(op, "transcriber.transcript", "session_id", "transcript")
    narrowing(op, "transcriber.job", "session_id", "job")
    _allowed()


def _allowed() -> None:
    # Asked once per statement and not once per row, where the patient is known; a row costs as much as a look-up.
    op.execute("""
        create function transcriber.therapists_allowed() returns uuid[]
        language plpgsql stable set search_path = pg_catalog as $$
        declare c ctx.claims := ctx.narrowed('transcriber:read');
        begin
          return array(select consent.in_force(c.org, c.patient, 'transcription'));
        end $$""")
    op.execute("revoke all on function transcriber.therapists_allowed() from public")
    op.execute("grant execute on function transcriber.therapists_allowed() to svc_transcriber")
    allowed = """
      case when (select (ctx.narrowed('transcriber:read')).patient) is null
        then transcriber.is_allowed(organization_id, patient_id, therapist_id)
        else therapist_id = any ((select transcriber.therapists_allowed())::uuid[]) end"""
    mine = predicate("transcriber:read", patient=True, session=True)
    # One policy: a restrictive one runs before the others, and so on every row of every organization.
    for table in ("transcript", "heard"):
        op.execute(f"drop policy allowed_read on transcriber.{table}")
        op.execute(f"alter policy tenant_read on transcriber.{table} using ({mine} and {allowed})")
