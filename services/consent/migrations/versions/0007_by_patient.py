"""No comparison runs before a policy, not of ids either: the policies themselves look rows up, by their patient."""

from alembic import op

from libs.tenancy.isolation import narrowing, of_patient, renew_policies

revision = "0007"
down_revision = "0006"

_CLAIMS = "(ctx.verify(current_setting('ctx.token', true)))"
# What `ctx.narrowed` answers, without a scope: the guards of all services ask these functions.
_PATIENT = f"(select coalesce({_CLAIMS}.patient, nullif(current_setting('ctx.patient', true), '')::uuid))"
_MINE = f"organization_id = (select {_CLAIMS}.org) and {of_patient(_PATIENT, listed=True)}"
# The functions act as the ledger's owner, who may see all of it: they ask themselves whose it is.
_ASKED = """
    {function}.organization_id = (select (ctx.verify(current_setting('ctx.token', true))).org)
    and {function}.patient_id = coalesce((select (ctx.verify(current_setting('ctx.token', true))).patient),
                                         {function}.patient_id)"""
_IN_FORCE = """
    g.status = 'granted' and not exists (
      select from consent.event r
       where r.organization_id = g.organization_id and r.patient_id = g.patient_id
         and r.therapist_id = g.therapist_id and r.consent_type = g.consent_type
         and r.status = 'revoked' and r.seq > g.seq)"""


def upgrade() -> None:
    """Renew the policies; a record's id leads to its patient."""
    for table in ("event", "evidence", "receipt", "tombstone"):
        renew_policies(op, f"consent.{table}", listed=table != "tombstone")
    op.execute(f"alter policy of_functions on consent.current using ({_MINE}) with check ({_MINE})")
    op.execute(f"alter policy tenant_read on consent.current using ({_MINE})")
    for table in ("evidence", "receipt"):
        op.execute(f"create index {table}_of_patient on consent.{table} (organization_id, patient_id, event_id)")
    narrowing(op, "consent.event", "consent_id", "record")
    _records()


def _records() -> None:
    op.execute(f"""
        create or replace function consent.are_in_force(organization_id uuid, patient_id uuid, consent_ids uuid[])
        returns boolean
        language sql stable security definer set search_path = pg_catalog as $$
          select {_ASKED.format(function="are_in_force")} and not exists (
            select from unnest(are_in_force.consent_ids) as wanted
             where not exists (
               select from consent.event g
                where g.organization_id = are_in_force.organization_id and g.patient_id = are_in_force.patient_id
                  and g.consent_id = wanted and {_IN_FORCE}))
        $$""")
    op.execute(f"""
        create function consent.records_in_force(organization_id uuid, patient_id uuid) returns setof uuid
        language sql stable security definer set search_path = pg_catalog as $$
          select g.consent_id from consent.event g
           where g.organization_id = records_in_force.organization_id and g.patient_id = records_in_force.patient_id
             and {_ASKED.format(function="records_in_force")} and {_IN_FORCE}
        $$""")
    op.execute("revoke all on function consent.records_in_force(uuid, uuid) from public")
    op.execute("grant execute on function consent.records_in_force(uuid, uuid) to svc_chat")
