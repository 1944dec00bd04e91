"""Whether consent records are still in force, for those who keep words under them; and one grant at a time."""

from alembic import op

revision = "0006"
down_revision = "0005"

_MINE = (
    "organization_id = (select (ctx.verify(current_setting('ctx.token', true))).org)"
    " and ((select (ctx.verify(current_setting('ctx.token', true))).patient) is null"
    " or patient_id = (select (ctx.verify(current_setting('ctx.token', true))).patient))"
)


def upgrade() -> None:
    """Add the two functions; forced row-level security binds them to the capability."""
    op.execute(f"create policy of_records on consent.event for select to owner_consent using ({_MINE})")
    _in_force()
    _take_turn()


def _in_force() -> None:
    # A record, not a therapist: what was said under a consent that ended stays gone when a new one is given.
    # A revocation ends every grant of its bond that came before it, whichever record it names. Unknown is not in force.
    op.execute("""
        create function consent.are_in_force(organization_id uuid, patient_id uuid, consent_ids uuid[]) returns boolean
        language sql stable security definer set search_path = pg_catalog as $$
          select not exists (
            select from unnest(are_in_force.consent_ids) as wanted
             where not exists (
               select from consent.event g
                where g.organization_id = are_in_force.organization_id and g.patient_id = are_in_force.patient_id
                  and g.consent_id = wanted and g.status = 'granted'
                  and not exists (
                    select from consent.event r
                     where r.organization_id = g.organization_id and r.patient_id = g.patient_id
                       and r.therapist_id = g.therapist_id and r.consent_type = g.consent_type
                       and r.status = 'revoked' and r.seq > g.seq)))
        $$""")
    op.execute("revoke all on function consent.are_in_force(uuid, uuid, uuid[]) from public")
    op.execute("grant execute on function consent.are_in_force(uuid, uuid, uuid[]) to svc_chat, owner_chat")
    # The redaction acts as the owner, because the policies hide from the service what it is to redact.
    op.execute("grant usage on schema consent to owner_chat")
    op.execute("grant execute on function consent.in_force(uuid, uuid, text) to owner_chat")


def _take_turn() -> None:
    # Whoever looks whether a consent is in force before granting it looks alone, until the transaction ends.
    op.execute("""
        create function consent.take_turn(patient uuid, therapist uuid, purpose text) returns void
        language plpgsql volatile security definer set search_path = pg_catalog as $$
        declare c ctx.claims := ctx.scope('consent:write');
        begin
          perform pg_advisory_xact_lock(
            hashtextextended('consent.grant' || c.org::text || patient::text || therapist::text || purpose, 0));
        end $$""")
    op.execute("revoke all on function consent.take_turn(uuid, uuid, text) from public")
    op.execute("grant execute on function consent.take_turn(uuid, uuid, text) to svc_consent")
