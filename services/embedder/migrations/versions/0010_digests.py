"""What each session was about: words like any other, so with the guards of words."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the table. A digest goes with its first chunk: on a new version, a revocation and an erasure."""
    op.execute("""
        create table embedder.digest (
          organization_id uuid not null,
          patient_id uuid not null,
          therapist_id uuid not null,
          session_id uuid not null,
          session_date timestamptz not null,
          transcript_version integer not null,
          chunk_id uuid not null,
          topics jsonb not null,
          names jsonb not null,
          sentences jsonb not null,
          primary key (organization_id, patient_id, session_id),
          foreign key (organization_id, patient_id, chunk_id) references embedder.chunk on delete cascade
        )""")
    op.execute("create index digest_by_chunk on embedder.digest (organization_id, patient_id, chunk_id)")
    op.execute("alter table embedder.digest enable row level security")
    op.execute("alter table embedder.digest force row level security")
    op.execute(
        "create policy allowed_read on embedder.digest for select to svc_embedder"
        f" using ({_mine('embedder:read')} and therapist_id = any ((select embedder.therapists_allowed())::uuid[]))"
    )
    op.execute(
        f"create policy own_insert on embedder.digest for insert to svc_embedder with check ({_mine('embedder:write')})"
    )
    op.execute("grant select, insert on embedder.digest to svc_embedder")
    op.execute(
        "create trigger hold_consent before insert on embedder.digest"
        " for each row execute function embedder.hold_consent()"
    )


def _mine(scope: str) -> str:
    # Strict, as for passages: a capability that names no patient sees nobody's words.
    return (
        f"(organization_id, patient_id) = (select c.org, c.patient from ctx.scope('{scope}') c)"
        f" and session_id = coalesce((select (ctx.scope('{scope}')).session), session_id)"
    )
