"""Chunks, passages and embeddings of one patient at a time, hidden by the database without consent.

Figures behind the choices: evals/README.md, "Retrieval". No approximate index: a shared one returns too few rows
of one patient and leaks across patients in recall and timing. No GIN on the words: not usable under row security.
"""

from alembic import op

from libs.common.database.migration import event_tables
from libs.tenancy.isolation import isolate

revision = "0001"
down_revision = None

# (id, name, dimension): a partition each, so that another model can be filled beside the one in use.
MODELS = ((1, "all-MiniLM-L6-v2-int8", 384), (2, "text-embedding-3-small", 1536))
OF_CONSENT = ("chunk", "passage", "embedding")


def upgrade() -> None:
    """Create the tables, their guards and the grants."""
    event_tables(op, "embedder")
    _indexed_and_withdrawn()
    _chunk()
    _passage()
    _embedding()
    _guards()


def _indexed_and_withdrawn() -> None:
    op.execute("""
        create table embedder.indexed (
          organization_id uuid not null,
          patient_id uuid not null,
          session_id uuid not null,
          transcript_id uuid not null,
          transcript_version int not null,
          chunk_count int not null,
          model text not null,
          indexed_at timestamptz not null default clock_timestamp(),
          primary key (organization_id, session_id)
        )""")
    isolate(op, "embedder.indexed", patient=True, session=True, writes="insert, update, delete")
    op.execute("""
        create table embedder.withdrawn (
          organization_id uuid not null,
          patient_id uuid not null,
          therapist_id uuid not null,
          consent_id uuid not null,
          delete_after timestamptz not null,
          primary key (organization_id, patient_id, therapist_id)
        )""")
    isolate(op, "embedder.withdrawn", patient=True, writes="insert, update")


def _chunk() -> None:
    op.execute("""
        create table embedder.chunk (
          organization_id uuid not null,
          patient_id uuid not null,
          id uuid not null,
          therapist_id uuid not null,
          session_id uuid not null,
          session_date timestamptz not null,
          transcript_id uuid not null,
          transcript_version int not null,
          chunk_index int not null,
          content text not null,
          start_s double precision not null check (start_s >= 0),
          end_s double precision not null check (end_s >= start_s),
          speaker text not null check (speaker in ('therapist', 'patient', 'unknown', 'mixed')),
          turns jsonb not null,
          tokens int not null,
          content_hash bytea not null,
          created_at timestamptz not null default clock_timestamp(),
          primary key (organization_id, patient_id, id),
          unique (organization_id, patient_id, session_id, chunk_index)
        )""")


def _passage() -> None:
    op.execute("""
        create table embedder.passage (
          organization_id uuid not null,
          patient_id uuid not null,
          id uuid not null,
          chunk_id uuid not null,
          therapist_id uuid not null,
          session_id uuid not null,
          session_date timestamptz not null,
          transcript_id uuid not null,
          position int not null,
          content text not null,
          words tsvector not null generated always as (to_tsvector('english', content)) stored,
          speaker text not null check (speaker in ('therapist', 'patient', 'unknown', 'mixed')),
          turns jsonb not null,
          tokens int not null,
          content_hash bytea not null,
          primary key (organization_id, patient_id, id),
          unique (organization_id, patient_id, session_id, position),
          foreign key (organization_id, patient_id, chunk_id) references embedder.chunk on delete cascade
        )""")
    op.execute("create index passage_by_chunk on embedder.passage (organization_id, patient_id, chunk_id)")


def _embedding() -> None:
    op.execute("""
        create table embedder.model (
          id smallint primary key,
          name text not null unique,
          dimension int not null,
          state text not null check (state in ('building', 'active', 'retired'))
        )""")
    op.execute("grant select on embedder.model to svc_embedder")
    # Keyed by the words' hash: what was bought once for a session is not bought again, by a crash or a correction.
    op.execute("""
        create table embedder.embedding (
          model_id smallint not null,
          organization_id uuid not null,
          patient_id uuid not null,
          therapist_id uuid not null,
          session_id uuid not null,
          content_hash bytea not null,
          embedding public.halfvec not null,
          created_at timestamptz not null default clock_timestamp(),
          primary key (model_id, organization_id, patient_id, session_id, content_hash)
        ) partition by list (model_id)""")
    for number, name, dimension in MODELS:
        table = f"embedder.embedding_{number}"
        op.execute(f"insert into embedder.model values ({number}, '{name}', {dimension}, 'active')")
        op.execute(f"create table {table} partition of embedder.embedding for values in ({number})")
        # Plain: a vector beside its row is read three times as fast as one in a side table.
        op.execute(f"alter table {table} alter column embedding set storage plain")
        op.execute(f"alter table {table} add check (public.vector_dims(embedding) = {dimension})")
        # Only through the parent, whose policies would not hold here.
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")


def _guards() -> None:
    # plpgsql binds late and runs as the service: the consent schema is migrated by its own service.
    op.execute("""
        create function embedder.therapists_allowed() returns uuid[]
        language plpgsql stable set search_path = pg_catalog as $$
        declare c ctx.claims := ctx.scope('embedder:read');
        begin
          return array(select consent.in_force(c.org, c.patient, 'ai_analysis'));
        end $$""")
    op.execute("""
        create function embedder.hold_consent() returns trigger
        language plpgsql set search_path = pg_catalog as $$
        begin
          perform consent.hold(new.organization_id, new.patient_id, new.therapist_id, '{ai_analysis}');
          return new;
        end $$""")
    op.execute("revoke all on all functions in schema embedder from public")
    op.execute("grant execute on function embedder.therapists_allowed(), embedder.hold_consent() to svc_embedder")
    for name in OF_CONSENT:
        _guard(f"embedder.{name}")


def _guard(table: str) -> None:
    # Strict: a capability that names no patient sees nobody's words. Scalar sub-selects run once per statement.
    def mine(scope: str) -> str:
        return (
            f"(organization_id, patient_id) = (select c.org, c.patient from ctx.scope('{scope}') c)"
            f" and session_id = coalesce((select (ctx.scope('{scope}')).session), session_id)"
        )

    allowed = "therapist_id = any ((select embedder.therapists_allowed())::uuid[])"
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(
        f"create policy allowed_read on {table} for select to svc_embedder"
        f" using ({mine('embedder:read')} and {allowed})"
    )
    op.execute(f"create policy own_insert on {table} for insert to svc_embedder with check ({mine('embedder:write')})")
    op.execute(f"create policy own_delete on {table} for delete to svc_embedder using ({mine('embedder:write')})")
    op.execute(f"grant select, insert, delete on {table} to svc_embedder")
    op.execute(
        f"create trigger hold_consent before insert on {table} for each row execute function embedder.hold_consent()"
    )
