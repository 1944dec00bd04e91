"""Sessions and patients can be erased for good; holds, receipts, and recordings that have been kept long enough."""

from alembic import op

from libs.tenancy.erased_subjects import Rows, erasable, guard, owned
from libs.tenancy.isolation import isolate

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the tables, their guards and the functions of the sweep."""
    _receipts()
    _holds()
    _discarded()
    erasable(op, "ingestion", [Rows("recording"), Rows("session")])
    # The row of a destroyed key stays, so that no second key is made.
    guard(op, "ingestion", Rows("patient_key", session=False))
    _retention()


def _receipts() -> None:
    op.execute("""
        create table ingestion.erasure (
          organization_id uuid not null,
          patient_id uuid not null,
          id uuid not null,
          session_id uuid,
          actor text not null,
          requested_at timestamptz not null default clock_timestamp(),
          primary key (organization_id, patient_id, id),
          unique nulls not distinct (organization_id, patient_id, session_id)
        )""")
    op.execute("create unique index erasure_by_id on ingestion.erasure (id)")
    isolate(op, "ingestion.erasure", writes="insert")
    op.execute("""
        create table ingestion.erasure_part (
          organization_id uuid not null,
          patient_id uuid not null,
          erasure_id uuid not null,
          store text not null check (store in
            ('ingestion', 'objects', 'transcriber', 'embedder', 'chat', 'gateway', 'consent')),
          counts jsonb not null,
          at timestamptz not null default clock_timestamp(),
          primary key (organization_id, patient_id, erasure_id, store),
          foreign key (organization_id, patient_id, erasure_id) references ingestion.erasure
        )""")
    isolate(op, "ingestion.erasure_part", writes="insert")


def _holds() -> None:
    # The row is also the lock: whoever erases holds it, so a hold is placed before or after and never beside.
    op.execute("""
        create table ingestion.legal_hold (
          organization_id uuid not null,
          patient_id uuid not null,
          held boolean not null,
          actor text not null,
          changed_at timestamptz not null default clock_timestamp(),
          primary key (organization_id, patient_id)
        )""")
    isolate(op, "ingestion.legal_hold", writes="insert, update")
    for owner in ("owner_transcriber", "owner_embedder"):
        op.execute(f"grant usage on schema ingestion to {owner}")
        op.execute(f"grant select on ingestion.legal_hold to {owner}")
        op.execute(f"create policy of_sweep_{owner} on ingestion.legal_hold for select to {owner} using (true)")


def _discarded() -> None:
    # Objects whose rows and keys are gone already; the store is asked outside the transaction.
    op.execute("""
        create table ingestion.discarded (
          organization_id uuid not null,
          patient_id uuid not null,
          session_id uuid not null,
          object_name text not null,
          erasure_id uuid,
          at timestamptz not null default clock_timestamp(),
          primary key (organization_id, patient_id, object_name)
        )""")
    op.execute("create index discarded_by_time on ingestion.discarded (at) where erasure_id is null")
    isolate(op, "ingestion.discarded", writes="insert, update, delete")


def _retention() -> None:
    for table in ("legal_hold", "discarded"):
        owned(op, "ingestion", table)
    op.execute("create index recording_by_age on ingestion.recording (created_at)")
    # Deleting the row destroys the key. Works for all organizations at once and answers with a number.
    op.execute("""
        create function ingestion.retire_recordings(days int, most int) returns int
        language plpgsql volatile security definer set search_path = pg_catalog as $$
        declare done int; before timestamptz := clock_timestamp() - make_interval(days => days);
        begin
          with due as (
            select r.organization_id, r.patient_id, r.session_id, r.recording_id
              from ingestion.recording r join ingestion.session s
                on s.organization_id = r.organization_id and s.patient_id = r.patient_id and s.session_id = r.session_id
             where r.created_at < before and s.status = 'ready' and (s.stage_times ->> 'ready')::timestamptz < before
               and not exists (select from ingestion.legal_hold h where h.organization_id = r.organization_id
                                  and h.patient_id = r.patient_id and h.held)
             order by r.created_at limit most for update of r skip locked
          ), gone as (
            delete from ingestion.recording r using due d
             where r.organization_id = d.organization_id and r.patient_id = d.patient_id
               and r.session_id = d.session_id and r.recording_id = d.recording_id
            returning r.organization_id, r.patient_id, r.session_id, r.object_name
          )
          insert into ingestion.discarded (organization_id, patient_id, session_id, object_name)
          select g.organization_id, g.patient_id, g.session_id, g.object_name from gone g on conflict do nothing;
          get diagnostics done = row_count;
          return done;
        end $$""")
    op.execute("""
        create function ingestion.discarded_names(most int) returns setof text
        language sql stable security definer set search_path = pg_catalog as $$
          select d.object_name from ingestion.discarded d where d.erasure_id is null order by d.at limit most
        $$""")
    op.execute("""
        create function ingestion.forget_discarded(names text[]) returns void
        language sql volatile security definer set search_path = pg_catalog as $$
          delete from ingestion.discarded d where d.erasure_id is null and d.object_name = any (names)
        $$""")
    for function in ("retire_recordings(int, int)", "discarded_names(int)", "forget_discarded(text[])"):
        op.execute(f"revoke all on function ingestion.{function} from public")
        op.execute(f"grant execute on function ingestion.{function} to svc_ingestion")
