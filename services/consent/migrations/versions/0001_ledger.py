"""The ledger, the head that orders it, and the projection that others hold on to (docs/security/consent-ledger.md)."""

from alembic import op

from libs.common.database.migration import event_tables
from libs.tenancy.isolation import isolate

revision = "0001"
down_revision = None

# The definer functions run as the owner, whom forced row-level security binds to the capability as well.
_MINE = "organization_id = (select (ctx.verify(current_setting('ctx.token', true))).org)"
_MY_PATIENT = (
    f"{_MINE} and ((select (ctx.verify(current_setting('ctx.token', true))).patient) is null "
    "or patient_id = (select (ctx.verify(current_setting('ctx.token', true))).patient))"
)


def upgrade() -> None:
    _tables()
    _protection()
    _append_only()
    _chain()
    _projection()
    _locks()
    event_tables(op, "consent")


def _tables() -> None:
    op.execute("""
        create table consent.event (
          id uuid primary key,
          organization_id uuid not null,
          patient_id uuid not null,
          therapist_id uuid not null,
          consent_id uuid not null,
          consent_type text not null check (consent_type in ('recording', 'transcription', 'ai_analysis')),
          status text not null check (status in ('granted', 'revoked')),
          at timestamptz not null,
          actor text not null check (length(actor) between 1 and 200),
          witness_id uuid,
          document_sha256 bytea check (length(document_sha256) = 32),
          evidence_sha256 bytea not null check (length(evidence_sha256) = 32),
          seq bigint not null,
          prev_hash bytea not null,
          leaf bytea not null,
          hash bytea not null,
          unique (organization_id, id),
          unique (organization_id, seq),
          unique (organization_id, prev_hash)
        )""")
    op.execute(
        "create index event_of_bond on consent.event (organization_id, patient_id, therapist_id, consent_type, seq)"
    )
    op.execute("create index event_of_record on consent.event (organization_id, consent_id, seq)")
    op.execute(
        "create index grants_by_time on consent.event (organization_id, at, consent_id) where status = 'granted'"
    )
    op.execute("""
        create table consent.evidence (
          event_id uuid primary key,
          organization_id uuid not null,
          patient_id uuid not null,
          salt bytea not null check (length(salt) = 16),
          observed_ip text,
          observed_user_agent text,
          attested_ip text,
          attested_user_agent text,
          metadata_json text not null,
          reason text,
          foreign key (organization_id, event_id) references consent.event (organization_id, id)
        )""")
    op.execute("""
        create table consent.head (
          organization_id uuid primary key,
          seq bigint not null,
          hash bytea not null,
          last_at timestamptz not null
        )""")
    op.execute("""
        create table consent.current (
          organization_id uuid not null,
          patient_id uuid not null,
          therapist_id uuid not null,
          consent_type text not null,
          consent_id uuid not null,
          status text not null,
          granted_at timestamptz not null,
          revoked_at timestamptz,
          primary key (organization_id, patient_id, therapist_id, consent_type)
        )""")


def _protection() -> None:
    isolate(op, "consent.event")
    isolate(op, "consent.evidence")
    # The service may look at these two; only the functions below change them.
    for table, predicate in (("head", _MINE), ("current", _MY_PATIENT)):
        op.execute(f"alter table consent.{table} enable row level security")
        op.execute(f"alter table consent.{table} force row level security")
        op.execute(
            f"create policy of_functions on consent.{table} to owner_consent "
            f"using ({predicate}) with check ({predicate})"
        )
        op.execute(f"create policy tenant_read on consent.{table} for select to svc_consent using ({predicate})")
        op.execute(f"grant select on consent.{table} to svc_consent")


def _append_only() -> None:
    op.execute("""
        create function consent.refuse_change() returns trigger
        language plpgsql set search_path = pg_catalog as $$
        begin
          raise exception 'the consent ledger is append-only' using errcode = 'TR405';
        end $$""")
    op.execute("revoke all on function consent.refuse_change() from public")
    op.execute(
        "create trigger append_only before update or delete or truncate on consent.event "
        "for each statement execute function consent.refuse_change()"
    )
    # ALWAYS: also when somebody plays replica.
    op.execute("alter table consent.event enable always trigger append_only")


def _chain() -> None:
    op.execute("""
        create function consent.led(value bytea) returns bytea
        language sql immutable set search_path = pg_catalog as $$ select int4send(length(value)) || value $$""")
    op.execute("""
        create function consent.leaf_of(e consent.event) returns bytea
        language sql immutable set search_path = pg_catalog as $$
          select sha256('\\x00'::bytea
            || uuid_send(e.organization_id) || int8send(e.seq) || uuid_send(e.id) || uuid_send(e.consent_id)
            || uuid_send(e.patient_id) || uuid_send(e.therapist_id)
            || int8send((extract(epoch from e.at) * 1000000)::bigint) || e.evidence_sha256
            || consent.led(convert_to(e.consent_type, 'UTF8')) || consent.led(convert_to(e.status, 'UTF8'))
            || consent.led(convert_to(e.actor, 'UTF8'))
            || coalesce('\\x01'::bytea || uuid_send(e.witness_id), '\\x00'::bytea)
            || coalesce('\\x01'::bytea || e.document_sha256, '\\x00'::bytea)) $$""")
    # Updating the head is the lock: whoever comes second waits here, so the chain cannot fork.
    op.execute("""
        create function consent.chain() returns trigger
        language plpgsql security definer set search_path = pg_catalog as $$
        declare h consent.head;
        begin
          insert into consent.head (organization_id, seq, hash, last_at)
          values (new.organization_id, 0,
                  sha256(convert_to('genesis:' || new.organization_id::text, 'UTF8')), '-infinity')
          on conflict do nothing;
          update consent.head
             set seq = seq + 1, last_at = greatest(clock_timestamp(), last_at + interval '1 microsecond')
           where organization_id = new.organization_id returning * into strict h;
          new.seq := h.seq;
          new.at := h.last_at;
          new.prev_hash := h.hash;
          new.leaf := consent.leaf_of(new);
          new.hash := sha256('\\x01'::bytea || new.prev_hash || new.leaf);
          update consent.head set hash = new.hash where organization_id = new.organization_id;
          return new;
        end $$""")
    op.execute("revoke all on function consent.led(bytea), consent.leaf_of(consent.event), consent.chain() from public")
    op.execute("create trigger chain before insert on consent.event for each row execute function consent.chain()")
    op.execute("alter table consent.event enable always trigger chain")


def _projection() -> None:
    # Updating the row waits for all who hold it FOR SHARE: that wait is what "stop means now" is made of.
    op.execute("""
        create function consent.project() returns trigger
        language plpgsql security definer set search_path = pg_catalog as $$
        begin
          if new.status = 'granted' then
            insert into consent.current as c
              (organization_id, patient_id, therapist_id, consent_type, consent_id, status, granted_at)
            values (new.organization_id, new.patient_id, new.therapist_id, new.consent_type,
                    new.consent_id, 'granted', new.at)
            on conflict (organization_id, patient_id, therapist_id, consent_type) do update
              set consent_id = excluded.consent_id, status = 'granted', granted_at = excluded.granted_at,
                  revoked_at = null;
            return null;
          end if;
          update consent.current set status = 'revoked', revoked_at = new.at
           where organization_id = new.organization_id and patient_id = new.patient_id
             and therapist_id = new.therapist_id and consent_type = new.consent_type and status = 'granted';
          if not found then
            raise exception 'not in force' using errcode = 'TR409';
          end if;
          return null;
        end $$""")
    op.execute("revoke all on function consent.project() from public")
    op.execute("create trigger project after insert on consent.event for each row execute function consent.project()")
    op.execute("alter table consent.event enable always trigger project")


def _locks() -> None:
    # Row-level security on consent.current binds these to the capability's organization and patient.
    op.execute("""
        create function consent.held(organization_id uuid, patient_id uuid, therapist_id uuid, purposes text[])
        returns table (purpose text, consent_id uuid)
        language plpgsql volatile security definer set search_path = pg_catalog as $$
        #variable_conflict use_column
        begin
          return query
            select c.consent_type, c.consent_id from consent.current c
             where c.organization_id = held.organization_id and c.patient_id = held.patient_id
               and (held.therapist_id is null or c.therapist_id = held.therapist_id)
               and c.consent_type = any (held.purposes) and c.status = 'granted'
             order by c.therapist_id, c.consent_type for share;
        end $$""")
    op.execute("""
        create function consent.hold(organization_id uuid, patient_id uuid, therapist_id uuid, purposes text[])
        returns void
        language plpgsql volatile security definer set search_path = pg_catalog as $$
        declare missing text[];
        begin
          select array_agg(wanted) into missing from unnest(hold.purposes) wanted
           where wanted not in (select h.purpose from consent.held(
             hold.organization_id, hold.patient_id, hold.therapist_id, hold.purposes) h);
          if missing is not null or coalesce(cardinality(hold.purposes), 0) = 0 then
            raise exception 'consent required' using errcode = 'TR403', detail = array_to_string(missing, ',');
          end if;
        end $$""")
    op.execute("""
        create function consent.in_force(organization_id uuid, patient_id uuid, purpose text) returns setof uuid
        language sql stable security definer set search_path = pg_catalog as $$
          select c.therapist_id from consent.current c
           where c.organization_id = in_force.organization_id and c.patient_id = in_force.patient_id
             and c.consent_type = in_force.purpose and c.status = 'granted'
        $$""")
    names = ("held(uuid, uuid, uuid, text[])", "hold(uuid, uuid, uuid, text[])", "in_force(uuid, uuid, text)")
    for name in names:
        op.execute(f"revoke all on function consent.{name} from public")
        op.execute(f"grant execute on function consent.{name} to svc_consent")
    for service in ("ingestion", "transcriber", "embedder", "chat"):
        op.execute(f"grant execute on function consent.hold(uuid, uuid, uuid, text[]) to svc_{service}")
        op.execute(f"grant execute on function consent.in_force(uuid, uuid, text) to svc_{service}")
