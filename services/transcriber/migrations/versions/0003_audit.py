"""Who was given a transcript, when and by which key: a row for each, written before the words leave."""

from alembic import op

from libs.tenancy.audit import audited

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the record."""
    op.execute("""
        create table transcriber.read_audit (
          organization_id uuid not null,
          patient_id uuid not null,
          session_id uuid not null,
          id uuid not null,
          transcript_id uuid not null,
          transcript_version int not null,
          action text not null check (action in ('read', 'correct')),
          actor text not null,
          api_key_id text,
          at timestamptz not null,
          primary key (organization_id, id)
        )""")
    op.execute("create index read_audit_by_time on transcriber.read_audit (organization_id, at, id)")
    op.execute("create index read_audit_of_patient on transcriber.read_audit (organization_id, patient_id, at, id)")
    audited(op, "transcriber.read_audit")
