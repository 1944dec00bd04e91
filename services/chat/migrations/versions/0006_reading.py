"""Who was given a conversation again, when and by which key: a row for each, written before the words leave."""

from alembic import op

from libs.tenancy.audit import audited

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the record."""
    op.execute("""
        create table chat.read_audit (
          organization_id uuid not null,
          patient_id uuid not null,
          id uuid not null,
          conversation_id uuid not null,
          message_count int not null,
          actor text not null,
          api_key_id text,
          at timestamptz not null,
          primary key (organization_id, id)
        )""")
    op.execute("create index read_audit_by_time on chat.read_audit (organization_id, at, id)")
    op.execute("create index read_audit_of_patient on chat.read_audit (organization_id, patient_id, at, id)")
    audited(op, "chat.read_audit")
