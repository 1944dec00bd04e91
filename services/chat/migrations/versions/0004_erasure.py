"""Answers that stood on what is erased lose their words for good; a patient's conversations go whole."""

from alembic import op

from libs.tenancy.erased_subjects import Rows, counted, define, guard, owned, tombstones

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add tombstones and their guards, and the function that erases."""
    tombstones(op, "chat")
    for table in ("conversation", "message", "message_source", "turnstile", "sent"):
        owned(op, "chat", table)
        guard(op, "chat", Rows(table, session=table == "message_source"))
    patient = "\n".join(
        f"delete from chat.{table} where organization_id = org and patient_id = of_patient; {counted(table)}"
        for table in ("message_source", "message", "conversation", "turnstile", "sent")
    )
    define(op, "chat", f"if of_session is null then {patient} else {_answers()} end if;")


def _answers() -> str:
    # An answer is history to those after it in the same conversation, which may repeat it: they go too.
    # What the safety gate said is fixed text that stands on no session.
    return f"""
        update chat.message m set text = null, redacted_at = clock_timestamp()
         where m.organization_id = org and m.patient_id = of_patient and m.author = 'assistant' and m.text is not null
           and m.answered_by is distinct from 'safety'
           and exists (select from chat.message_source s join chat.message a
                         on a.organization_id = org and a.patient_id = of_patient and a.id = s.message_id
                      where s.organization_id = org and s.patient_id = of_patient and s.session_id = of_session
                        and a.conversation_id = m.conversation_id and (a.created_at, a.id) <= (m.created_at, m.id));
        {counted("message")}
        delete from chat.message_source s using chat.message m
         where s.organization_id = org and s.patient_id = of_patient and m.organization_id = org
           and m.patient_id = of_patient and m.id = s.message_id and (s.session_id = of_session or m.text is null);
        {counted("message_source")}
    """
