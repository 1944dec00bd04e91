"""Sessions, recordings and the wrapped keys that open them; no session is born without consent."""

from alembic import op

from libs.common.database.migration import event_tables
from libs.tenancy.isolation import isolate

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables, their guards and the grants."""
    event_tables(op, "ingestion")
    _keys()
    _session()
    _recording()
    _hold_consent()


def _keys() -> None:
    op.execute("""
        create table ingestion.organization_key (
          organization_id uuid primary key,
          wrapped bytea not null,
          created_at timestamptz not null default clock_timestamp()
        )""")
    # Used for every patient of the organization, so a capability bound to one patient must reach it.
    isolate(op, "ingestion.organization_key", patient=False, writes="insert")
    op.execute("""
        create table ingestion.patient_key (
          organization_id uuid not null references ingestion.organization_key,
          patient_id uuid not null,
          wrapped bytea not null,
          created_at timestamptz not null default clock_timestamp(),
          primary key (organization_id, patient_id)
        )""")
    isolate(op, "ingestion.patient_key", writes="insert")


def _session() -> None:
    op.execute("""
        create table ingestion.session (
          organization_id uuid not null,
          patient_id uuid not null,
          session_id uuid not null,
          therapist_id uuid not null,
          consent_id uuid not null,
          session_date timestamptz not null,
          language text not null,
          status text not null check (status in
            ('pending', 'uploaded', 'transcribing', 'embedding', 'ready', 'failed', 'withheld')),
          duration_s double precision,
          reason text,
          stage_times jsonb not null,
          metadata jsonb not null,
          created_at timestamptz not null,
          updated_at timestamptz not null,
          primary key (organization_id, patient_id, session_id),
          unique (session_id)
        )""")
    op.execute("create index session_by_time on ingestion.session (organization_id, created_at desc, session_id desc)")
    isolate(op, "ingestion.session", session=True, writes="insert, update")


def _recording() -> None:
    op.execute("""
        create table ingestion.recording (
          organization_id uuid not null,
          patient_id uuid not null,
          session_id uuid not null,
          recording_id uuid not null,
          object_name text not null unique,
          media_type text not null,
          size_bytes bigint not null check (size_bytes > 0),
          content_sha256 text not null check (content_sha256 ~ '^[0-9a-f]{64}$'),
          wrapped_keyset bytea not null,
          created_at timestamptz not null default clock_timestamp(),
          primary key (organization_id, patient_id, session_id, recording_id),
          foreign key (organization_id, patient_id, session_id) references ingestion.session
        )""")
    isolate(op, "ingestion.recording", session=True, writes="insert")


def _hold_consent() -> None:
    # plpgsql binds late: the consent schema is migrated by its own service.
    op.execute("""
        create function ingestion.hold_consent() returns trigger
        language plpgsql set search_path = pg_catalog as $$
        begin
          perform consent.hold(new.organization_id, new.patient_id, new.therapist_id, '{recording}');
          return new;
        end $$""")
    op.execute("revoke all on function ingestion.hold_consent() from public")
    op.execute("grant execute on function ingestion.hold_consent() to svc_ingestion")
    op.execute("""
        create trigger hold_consent before insert on ingestion.session
        for each row execute function ingestion.hold_consent()""")
