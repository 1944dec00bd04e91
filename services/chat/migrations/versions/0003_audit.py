"""The record of answers is read as an audit, names the key it was asked with, and is changed by nobody."""

from alembic import op

from libs.tenancy.audit import audited

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Complete the record and close it."""
    op.execute("alter table chat.answer_audit add column api_key_id text")
    op.execute("create index answer_audit_by_time on chat.answer_audit (organization_id, at, message_id)")
    op.execute(
        "create index answer_audit_of_patient on chat.answer_audit (organization_id, patient_id, at, message_id)"
    )
    for policy in ("tenant_read", "tenant_insert", "tenant_update", "tenant_delete"):
        op.execute(f"drop policy {policy} on chat.answer_audit")
    audited(op, "chat.answer_audit")
