"""Turns that may bear a commitment, and therapists' corrections: words like any other, so with the guards of words."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create both tables. Mentions go with their chunk, corrections with their session: they outlive a new version."""
    op.execute("""
        create table embedder.commitment_mention (
          organization_id uuid not null,
          patient_id uuid not null,
          therapist_id uuid not null,
          session_id uuid not null,
          session_date timestamptz not null,
          chunk_id uuid not null,
          id uuid not null,
          speaker text not null check (speaker in ('therapist', 'patient', 'unknown')),
          content text not null,
          start_s double precision not null check (start_s >= 0),
          end_s double precision not null check (end_s >= start_s),
          acts jsonb not null,
          vector public.halfvec(384) not null,
          primary key (organization_id, patient_id, id),
          foreign key (organization_id, patient_id, chunk_id) references embedder.chunk on delete cascade
        )""")
    op.execute("create index mention_by_chunk on embedder.commitment_mention (organization_id, patient_id, chunk_id)")
    op.execute("""
        create table embedder.commitment_correction (
          organization_id uuid not null,
          patient_id uuid not null,
          therapist_id uuid not null,
          session_id uuid not null,
          commitment_id uuid not null,
          status text check (status in ('open', 'done', 'not_done', 'dropped', 'replaced', 'none')),
          corrected_by text not null,
          at timestamptz not null default clock_timestamp(),
          primary key (organization_id, patient_id, commitment_id, at),
          foreign key (organization_id, session_id) references embedder.indexed on delete cascade
        )""")
    op.execute("create index correction_by_session on embedder.commitment_correction (organization_id, session_id)")
    for table in ("commitment_mention", "commitment_correction"):
        _guard(f"embedder.{table}")


def _guard(table: str) -> None:
    # Strict, as for passages: a capability that names no patient sees nobody's words.
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
    op.execute(f"grant select, insert on {table} to svc_embedder")
    op.execute(
        f"create trigger hold_consent before insert on {table} for each row execute function embedder.hold_consent()"
    )
