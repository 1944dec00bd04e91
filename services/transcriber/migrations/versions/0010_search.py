"""Transcripts can be searched: the lexemes of each segment stand beside it, and the audit says who was shown what."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add them. Rows from before have none and are searched by their text, so that no table is written anew."""
    op.execute("alter table transcriber.transcript add column lexemes tsvector[]")
    op.execute("alter table transcriber.read_audit drop constraint read_audit_action_check")
    op.execute(
        "alter table transcriber.read_audit add constraint read_audit_action_check"
        " check (action in ('read', 'correct', 'search'))"
    )
