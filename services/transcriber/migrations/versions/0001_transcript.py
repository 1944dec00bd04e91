"""Jobs, transcripts and what vendors answered; words are hidden by the database without consent to transcription."""

from alembic import op

from libs.common.database.migration import event_tables
from libs.tenancy.isolation import isolate

revision = "0001"
down_revision = None

# Words of a session: no row is made, and none is seen, unless recording and transcription are in force.
OF_CONSENT = ("transcript", "heard")


def upgrade() -> None:
    """Create the tables, their guards and the grants."""
    event_tables(op, "transcriber")
    _job()
    _transcript()
    _heard()
    _guards()


def _job() -> None:
    op.execute("""
        create table transcriber.job (
          organization_id uuid not null,
          id uuid not null,
          patient_id uuid not null,
          session_id uuid not null,
          status text not null check (status in ('queued', 'processing', 'completed', 'failed', 'withheld')),
          attempts int not null check (attempts >= 1),
          progress real not null default 0 check (progress between 0 and 1),
          last_error text,
          created_at timestamptz not null default clock_timestamp(),
          started_at timestamptz not null default clock_timestamp(),
          finished_at timestamptz,
          primary key (organization_id, id)
        )""")
    op.execute("create index job_of_session on transcriber.job (organization_id, session_id, created_at)")
    isolate(op, "transcriber.job", patient=True, session=True, writes="insert, update")


def _transcript() -> None:
    # A row per version and never changed: a correction adds the next one.
    op.execute("""
        create table transcriber.transcript (
          organization_id uuid not null,
          patient_id uuid not null,
          therapist_id uuid not null,
          session_id uuid not null,
          session_date timestamptz not null,
          id uuid not null,
          version int not null check (version >= 1),
          language text not null,
          segments jsonb not null,
          full_text text not null,
          confidence real not null check (confidence between 0 and 1),
          speaker_confidence real not null check (speaker_confidence between 0 and 1),
          duration_s double precision not null check (duration_s >= 0),
          vendor text not null,
          model text not null,
          created_at timestamptz not null,
          primary key (organization_id, session_id, version),
          unique (organization_id, id, version)
        )""")


def _heard() -> None:
    op.execute("""
        create table transcriber.heard (
          organization_id uuid not null,
          patient_id uuid not null,
          therapist_id uuid not null,
          session_id uuid not null,
          fingerprint bytea not null check (length(fingerprint) = 32),
          speech jsonb not null,
          heard_at timestamptz not null default clock_timestamp(),
          primary key (organization_id, session_id, fingerprint)
        )""")


def _guards() -> None:
    # plpgsql binds late and runs as the service: the consent schema is migrated by its own service.
    op.execute("""
        create function transcriber.hold_consent() returns trigger
        language plpgsql set search_path = pg_catalog as $$
        begin
          perform consent.hold(
            new.organization_id, new.patient_id, new.therapist_id, '{recording,transcription}');
          return new;
        end $$""")
    op.execute("""
        create function transcriber.is_allowed(organization_id uuid, patient_id uuid, therapist_id uuid)
        returns boolean
        language plpgsql stable set search_path = pg_catalog as $$
        begin
          return is_allowed.therapist_id in
            (select consent.in_force(is_allowed.organization_id, is_allowed.patient_id, 'transcription'));
        end $$""")
    op.execute("revoke all on all functions in schema transcriber from public")
    op.execute(
        "grant execute on function transcriber.hold_consent(), transcriber.is_allowed(uuid, uuid, uuid)"
        " to svc_transcriber"
    )
    for name, writes in zip(OF_CONSENT, ("insert", "insert, delete"), strict=True):
        table = f"transcriber.{name}"
        isolate(op, table, patient=True, session=True, writes=writes)
        op.execute(
            f"create policy allowed_read on {table} as restrictive for select to svc_transcriber"
            " using (transcriber.is_allowed(organization_id, patient_id, therapist_id))"
        )
        op.execute(
            f"create trigger hold_consent before insert on {table}"
            " for each row execute function transcriber.hold_consent()"
        )
