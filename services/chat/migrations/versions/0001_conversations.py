"""Conversations and what their answers stand on; a source cannot be written without consent in force.

No cascade reaches the audit or the hourly log: deleting a conversation must not give messages back.
"""

from alembic import op

from libs.common.database.migration import event_tables
from libs.tenancy.isolation import isolate

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables, their guards and the grants."""
    event_tables(op, "chat")
    _conversation()
    _message()
    _message_source()
    _quota()
    _answer_audit()
    _consent()


def _conversation() -> None:
    op.execute("""
        create table chat.conversation (
          organization_id uuid not null,
          patient_id uuid not null,
          id uuid not null,
          created_at timestamptz not null default clock_timestamp(),
          primary key (organization_id, patient_id, id)
        )""")
    op.execute("create index conversation_newest on chat.conversation (organization_id, patient_id, created_at, id)")
    isolate(op, "chat.conversation", writes="insert, delete")


def _message() -> None:
    op.execute("""
        create table chat.message (
          organization_id uuid not null,
          patient_id uuid not null,
          id uuid not null,
          conversation_id uuid not null,
          author text not null check (author in ('patient', 'assistant')),
          text text,
          answers uuid,
          answered_by text,
          grounded boolean,
          time_window jsonb,
          therapist_ids uuid[] not null default '{}',
          created_at timestamptz not null default clock_timestamp(),
          redacted_at timestamptz,
          primary key (organization_id, patient_id, id),
          check ((text is null) = (redacted_at is not null)),
          foreign key (organization_id, patient_id, conversation_id) references chat.conversation on delete cascade
        )""")
    op.execute(
        "create index message_in_order on chat.message (organization_id, patient_id, conversation_id, created_at, id)"
    )
    isolate(op, "chat.message", writes="insert, update, delete")


def _message_source() -> None:
    op.execute("""
        create table chat.message_source (
          organization_id uuid not null,
          patient_id uuid not null,
          message_id uuid not null,
          position int not null,
          chunk_id uuid not null,
          session_id uuid not null,
          session_date timestamptz not null,
          therapist_id uuid not null,
          consent_id uuid not null,
          quote text not null,
          speaker text not null check (speaker in ('therapist', 'patient', 'unknown')),
          start_s double precision not null check (start_s >= 0),
          end_s double precision not null check (end_s >= start_s),
          relevance double precision,
          primary key (organization_id, patient_id, message_id, position),
          foreign key (organization_id, patient_id, message_id) references chat.message on delete cascade
        )""")
    isolate(op, "chat.message_source", writes="insert, delete")


def _quota() -> None:
    # The turnstile row is the lock under which a patient's messages of the last hour are counted.
    op.execute("""
        create table chat.turnstile (
          organization_id uuid not null,
          patient_id uuid not null,
          passed_at timestamptz not null,
          primary key (organization_id, patient_id)
        )""")
    isolate(op, "chat.turnstile", writes="insert, update")
    op.execute("""
        create table chat.sent (
          organization_id uuid not null,
          patient_id uuid not null,
          message_id uuid not null,
          at timestamptz not null default clock_timestamp(),
          primary key (organization_id, patient_id, message_id)
        )""")
    isolate(op, "chat.sent", writes="insert, delete")


def _answer_audit() -> None:
    # Who was told something on which consent, without a word of it.
    op.execute("""
        create table chat.answer_audit (
          organization_id uuid not null,
          patient_id uuid not null,
          message_id uuid not null,
          conversation_id uuid not null,
          actor text not null,
          answered_by text not null,
          model text not null,
          grounded boolean not null,
          source_count int not null,
          consent_ids uuid[] not null,
          input_tokens int not null,
          output_tokens int not null,
          at timestamptz not null default clock_timestamp(),
          primary key (organization_id, patient_id, message_id)
        )""")
    isolate(op, "chat.answer_audit", writes="insert")


def _consent() -> None:
    # plpgsql binds late and runs as the service: the consent schema is migrated by its own service.
    op.execute("""
        create function chat.therapists_allowed(patient uuid) returns uuid[]
        language plpgsql stable set search_path = pg_catalog as $$
        declare c ctx.claims := ctx.scope('chat:read');
        begin
          return array(select consent.in_force(c.org, patient, 'ai_analysis'));
        end $$""")
    op.execute("""
        create function chat.hold_consent() returns trigger
        language plpgsql set search_path = pg_catalog as $$
        begin
          perform consent.hold(new.organization_id, new.patient_id, new.therapist_id, '{ai_analysis}');
          return new;
        end $$""")
    op.execute("revoke all on function chat.therapists_allowed(uuid), chat.hold_consent() from public")
    op.execute("grant execute on function chat.therapists_allowed(uuid), chat.hold_consent() to svc_chat")
    op.execute(
        "create trigger hold_consent before insert on chat.message_source "
        "for each row execute function chat.hold_consent()"
    )
