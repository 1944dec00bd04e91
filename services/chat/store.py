"""SQL for conversations, messages and their sources, and the exact message count of a patient's last hour."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from libs.common.capability import current
from libs.common.database.paging import Page, Position, Window
from libs.common.database.transaction import Database, Transaction
from libs.common.errors import NOT_FOUND, AppError
from libs.common.ids import Identify
from libs.contracts.capability import Claims, parse
from libs.contracts.consent import ConsentRevoked
from libs.contracts.ids import ConsentId, ConversationId, MessageId, PatientId, SessionId, TherapistId
from libs.contracts.safety import CrisisSignal
from libs.tenancy.narrowing import is_narrowed, narrow_to
from services.chat.domain.basis import Attribution, Basis, basis_of
from services.chat.domain.conversation import (
    HISTORY_EXCHANGES_MAX,
    QUOTA_WINDOW_S,
    Cited,
    Conversation,
    Exchange,
    Message,
    Quota,
    Source,
    quota_after,
)
from services.chat.domain.crisis.assessing import Concern
from services.chat.message_rows import answer_row, audit_row, message_of, source_of, source_row
from services.chat.ports import Accepted, Crisis, SearchResult

_TO_CONVERSATION, _TO_MESSAGE = narrow_to("conversation"), narrow_to("message")
_CONVERSATION = text("select 1 from conversation where patient_id = :patient_id and id = :id")
_OPEN = text("insert into conversation (organization_id, patient_id, id) values (:organization_id, :patient_id, :id)")
# The row is held until commit: messages sent at once are counted one after the other, and none passes the limit.
_LOCK = text(
    "insert into turnstile (organization_id, patient_id, passed_at) values (:organization_id, :patient_id,"
    " clock_timestamp()) on conflict (organization_id, patient_id) do update set passed_at = excluded.passed_at"
)
# Through a view: whoever may delete rows of a table may also lock it against everybody (deploy/postgres/locks.sql).
_FORGET = text(
    "delete from sent_deletable where patient_id = :patient_id"
    " and at <= clock_timestamp() - make_interval(secs => :window_s)"
)
_COUNT = text(
    "select count(*) as sent,"
    " extract(epoch from min(at) + make_interval(secs => :window_s) - clock_timestamp()) as free_in_s"
    " from sent where patient_id = :patient_id"
)
_SEND = text(
    "insert into sent (organization_id, patient_id, message_id) values (:organization_id, :patient_id, :message_id)"
)
_ADD_MESSAGE = text(
    "insert into message (organization_id, patient_id, id, conversation_id, author, text, answers, answered_by,"
    " grounded, time_window, therapist_ids, consent_ids) values (:organization_id, :patient_id, :id, :conversation_id,"
    " :author, :text, :answers, :answered_by, :grounded, cast(:time_window as jsonb), cast(:therapist_ids as uuid[]),"
    " cast(:consent_ids as uuid[]))"
)
_ADD_SOURCE = text(
    "insert into message_source (organization_id, patient_id, message_id, position, chunk_id, session_id,"
    " session_date, therapist_id, consent_id, quote, speaker, start_s, end_s, relevance, session_day) values"
    " (:organization_id, :patient_id, :message_id, :position, :chunk_id, :session_id, :session_date, :therapist_id,"
    " :consent_id, :quote, :speaker, :start_s, :end_s, :relevance, :session_day)"
)
_ADD_AUDIT = text(
    "insert into answer_audit (organization_id, patient_id, message_id, conversation_id, actor, answered_by, model,"
    " grounded, source_count, consent_ids, input_tokens, output_tokens) values (:organization_id, :patient_id,"
    " :message_id, :conversation_id, :actor, :answered_by, :model, :grounded, :source_count,"
    " cast(:consent_ids as uuid[]), :input_tokens, :output_tokens)"
)
# Newest first; only answers whose consents, including those of their history, are in force.
_HISTORY = text(
    "select q.text as question, a.text as answer, a.therapist_ids, a.consent_ids,"
    " (select jsonb_agg(jsonb_build_array(s.session_id, s.start_s, s.end_s) order by s.position) from message_source s"
    " where s.patient_id = a.patient_id and s.message_id = a.id) as sources from message a join message q"
    " on q.organization_id = a.organization_id and q.patient_id = a.patient_id and q.id = a.answers"
    " where a.patient_id = :patient_id and a.conversation_id = :conversation_id and a.grounded and a.text is not null"
    " and stands(:patient_id, a.therapist_ids, a.consent_ids)"
    " order by a.created_at desc, a.id desc limit :most"
)
_LIST = text(
    "select id, patient_id, created_at from conversation where patient_id = :patient_id"
    " and (cast(:at as timestamptz) is null or (created_at, id) < (:at, :id))"
    " order by created_at desc, id desc limit :most"
)
_OWNER = text("select patient_id from conversation where id = :id")
# The statement itself asks for the consents of a text: a revocation hides it before `redact` has run.
_MESSAGE = (
    "select m.id, m.conversation_id, m.author, m.created_at, m.answered_by, m.grounded, m.time_window,"
    " case when (m.therapist_ids = '{}' or stands(m.patient_id, m.therapist_ids, m.consent_ids))"
    " and is_shown(m.patient_id, m.id) then m.text end as text"
)
_ANSWER = text(
    f"{_MESSAGE}, not exists (select from message e where e.patient_id = m.patient_id"  # noqa: S608
    " and e.conversation_id = m.conversation_id and e.author = 'assistant'"
    " and (e.created_at, e.id) < (m.created_at, m.id)) as opens"
    " from message m where m.id = :id and m.author = 'assistant'"
)
_MESSAGES = text(
    f"{_MESSAGE} from message m where m.patient_id = :patient_id and m.conversation_id = :conversation_id"
    " and (cast(:at as timestamptz) is null or (m.created_at, m.id) > (:at, :id))"
    " order by m.created_at, m.id limit :most"
)
_SOURCES = text(
    "select message_id, chunk_id, session_id, session_date, quote, speaker, start_s, end_s, relevance, session_day"
    " from message_source where patient_id = :patient_id and message_id = any (:message_ids)"
    " order by message_id, position"
)
# The database adds the actor, the API key and the time from the capability.
_NOTE_READING = text(
    "insert into read_audit (organization_id, patient_id, id, conversation_id, message_count)"
    " values (:organization_id, :patient_id, :id, :conversation_id, :message_count)"
)
_DELETE = text("delete from conversation_deletable where id = :id returning 1")
# The function runs as the schema's owner, because row-level security hides these answers from the service.
_REDACT = text("select redact(:patient_id)")


class ConversationStore:
    """Implements ports.MessageRepository, ConversationRepository and Redaction. Each call is one short transaction."""

    def __init__(self, database: Database, new_id: Identify) -> None:
        self._database = database
        self._new_id = new_id

    async def accept(self, patient_id: PatientId, conversation_id: ConversationId | None, message: str) -> Accepted:
        """Store a message and count it exactly; start a conversation if none is given."""
        async with self._database.transaction() as tx:
            conversation = await self._conversation(tx, patient_id, conversation_id)
            quota = await _pass_turnstile(tx, patient_id)
            message_id = await self._add_question(tx, patient_id, conversation, message)
            await tx.execute(_SEND, _ours(patient_id) | {"message_id": message_id})
            found = await tx.execute(
                _HISTORY,
                {"patient_id": patient_id, "conversation_id": conversation, "most": HISTORY_EXCHANGES_MAX},
            )
            rows = found.all()
        history = tuple(Exchange(row.question, row.answer, _cited(row.sources)) for row in reversed(rows))
        basis = Basis(
            frozenset(TherapistId(one) for row in rows for one in row.therapist_ids),
            frozenset(ConsentId(one) for row in rows for one in row.consent_ids),
        )
        return Accepted(conversation, message_id, history, quota, basis)

    async def note_telling(self, patient_id: PatientId, to: Accepted) -> None:
        """Audit that an answer is given out, which is stored only once it is whole."""
        async with self._database.transaction() as tx:
            await tx.execute(_NOTE_READING, _ours(patient_id) | self._reading(to.conversation_id, 1))

    async def answered(self, patient_id: PatientId, to: Accepted, search_result: SearchResult) -> MessageId:
        """Store an answer, its sources and its audit row; the database refuses if consent was revoked."""
        async with self._database.transaction() as tx:
            return await self._add_answer(tx, patient_id, to, search_result)

    async def note_crisis(self, patient_id: PatientId, crisis: Crisis) -> Accepted:
        """Store the message, its fixed answer and the signal. Not counted: the quota must not block a crisis."""
        async with self._database.transaction() as tx:
            conversation = await self._conversation(tx, patient_id, crisis.conversation_id)
            message_id = await self._add_question(tx, patient_id, conversation, crisis.message)
            to = Accepted(conversation, message_id, ())
            answer_id = await self._add_answer(tx, patient_id, to, SearchResult(crisis.answer, Attribution()))
            await tx.emit(_signal(patient_id, to, crisis.concern))
        return Accepted(conversation, answer_id, ())

    async def signal(self, patient_id: PatientId, to: Accepted, concern: Concern) -> None:
        """Emit the signal of a message that was accepted."""
        async with self._database.transaction() as tx:
            await tx.emit(_signal(patient_id, to, concern))

    async def list(self, patient_id: PatientId, window: Window) -> Page[Conversation]:
        """Return the patient's conversations, newest first."""
        async with self._database.transaction() as tx:
            found = await tx.execute(_LIST, {"patient_id": patient_id, **_after(window)})
            rows = [Conversation(ConversationId(row.id), PatientId(row.patient_id), row.created_at) for row in found]
        return Page.cut(rows, window.limit, lambda row: Position(row.created_at, row.id))

    async def messages(self, conversation_id: ConversationId, window: Window) -> Page[Message]:
        """Return a conversation's messages in order, and audit the read; redacted messages have no text or sources."""
        async with self._database.transaction() as tx:
            known = await is_narrowed(tx, _TO_CONVERSATION, conversation_id)
            patient_id = (await tx.execute(_OWNER, {"id": conversation_id})).scalar_one_or_none() if known else None
            if patient_id is None:
                raise _no_conversation()
            found = await tx.execute(
                _MESSAGES, {"patient_id": patient_id, "conversation_id": conversation_id, **_after(window)}
            )
            messages = await _with_sources(tx, patient_id, found.all())
            page = Page.cut(messages, window.limit, lambda row: Position(row.created_at, row.id))
            # In the transaction that reads: no words are given out without a note of it.
            await tx.execute(_NOTE_READING, _ours(patient_id) | self._reading(conversation_id, len(page.rows)))
        return page

    async def message(self, message_id: MessageId) -> tuple[ConversationId, Message]:
        """Return an answer with its conversation, and audit the read. Raises AppError(NOT_FOUND).

        A redacted answer has no text and no sources.
        """
        async with self._database.transaction() as tx:
            known = await is_narrowed(tx, _TO_MESSAGE, message_id)
            row = (await tx.execute(_ANSWER, {"id": message_id})).first() if known else None
            owner = (await tx.execute(_OWNER, {"id": row.conversation_id})).scalar_one_or_none() if row else None
            if row is None or owner is None:
                raise AppError(NOT_FOUND, "There is no such answer.")
            conversation_id, patient_id = ConversationId(row.conversation_id), PatientId(owner)
            (message,) = await _with_sources(tx, patient_id, [row])
            await tx.execute(_NOTE_READING, _ours(patient_id) | self._reading(conversation_id, 1))
        return conversation_id, replace(message, opens=row.opens)

    async def delete(self, conversation_id: ConversationId) -> None:
        """Delete a conversation and its messages. Raises AppError(NOT_FOUND)."""
        async with self._database.transaction() as tx:
            known = await is_narrowed(tx, _TO_CONVERSATION, conversation_id)
            if not known or (await tx.execute(_DELETE, {"id": conversation_id})).first() is None:
                raise _no_conversation()

    async def redact(self, tx: Transaction, event: ConsentRevoked) -> None:
        """Redact every answer of the patient that rests on a revoked consent."""
        await tx.execute(_REDACT, {"patient_id": event.patient_id})

    async def _conversation(
        self, tx: Transaction, patient_id: PatientId, given: ConversationId | None
    ) -> ConversationId:
        if given is not None:
            if (await tx.execute(_CONVERSATION, {"patient_id": patient_id, "id": given})).first() is None:
                raise _no_conversation()
            return given
        created = ConversationId(self._new_id())
        await tx.execute(_OPEN, _ours(patient_id) | {"id": created})
        return created

    async def _add_question(
        self, tx: Transaction, patient_id: PatientId, conversation: ConversationId, message: str
    ) -> MessageId:
        message_id = MessageId(self._new_id())
        row = _ours(patient_id) | {
            "id": message_id,
            "conversation_id": conversation,
            "author": "patient",
            "text": message,
        }
        await tx.execute(_ADD_MESSAGE, row | _NO_ANSWER)
        return message_id

    async def _add_answer(
        self, tx: Transaction, patient_id: PatientId, to: Accepted, search_result: SearchResult
    ) -> MessageId:
        answer, attribution = search_result.answer, search_result.attribution
        message_id = MessageId(self._new_id())
        ours = _ours(patient_id)
        basis = basis_of(answer, attribution, to.basis)
        message = answer_row(message_id, to, answer) | {
            "therapist_ids": sorted(basis.therapists),
            "consent_ids": sorted(basis.consents),
        }
        await tx.execute(_ADD_MESSAGE, ours | message)
        for position, source in enumerate(answer.sources):
            await tx.execute(_ADD_SOURCE, ours | source_row(message_id, position, source, attribution))
        on_record = audit_row(message_id, to, answer, _claims().actor) | {"consent_ids": sorted(basis.consents)}
        await tx.execute(_ADD_AUDIT, ours | on_record)
        return message_id

    def _reading(self, conversation_id: ConversationId, count: int) -> dict[str, Any]:
        return {"id": self._new_id(), "conversation_id": conversation_id, "message_count": count}


async def _with_sources(tx: Transaction, patient_id: PatientId, rows: Sequence[Row[Any]]) -> Sequence[Message]:
    found = await tx.execute(_SOURCES, {"patient_id": patient_id, "message_ids": [row.id for row in rows]})
    by_message: dict[UUID, list[Source]] = {}
    for source in found:
        by_message.setdefault(source.message_id, []).append(source_of(source))
    return [message_of(row, by_message.get(row.id, [])) for row in rows]


def _cited(sources: Iterable[Sequence[Any]] | None) -> tuple[Cited, ...]:
    return tuple(Cited(SessionId(UUID(session)), start_s, end_s) for session, start_s, end_s in sources or ())


def _signal(patient_id: PatientId, to: Accepted, concern: Concern) -> CrisisSignal:
    return CrisisSignal(
        organization_id=_claims().organization_id,
        patient_id=patient_id,
        conversation_id=to.conversation_id,
        message_id=to.message_id,
        level=concern.level.value,
        kind=concern.kind.value,
    )


async def _pass_turnstile(tx: Transaction, patient_id: PatientId) -> Quota:
    await tx.execute(_LOCK, _ours(patient_id))
    of_window = {"patient_id": patient_id, "window_s": QUOTA_WINDOW_S}
    await tx.execute(_FORGET, of_window)
    row = (await tx.execute(_COUNT, of_window)).one()
    return quota_after(row.sent, float(row.free_in_s or QUOTA_WINDOW_S))


_NO_ANSWER: dict[str, Any] = {
    "answers": None,
    "answered_by": None,
    "grounded": None,
    "time_window": None,
    "therapist_ids": [],
    "consent_ids": [],
}


def _ours(patient_id: PatientId) -> dict[str, Any]:
    return {"organization_id": _claims().organization_id, "patient_id": patient_id}


def _claims() -> Claims:
    return parse(current())


def _after(window: Window) -> dict[str, Any]:
    return {
        "at": window.after.at if window.after else None,
        # Never compared: without `at` the statements take every row.
        "id": window.after.id if window.after else UUID(int=0),
        "most": window.limit + 1,
    }


def _no_conversation() -> AppError:
    return AppError(NOT_FOUND, "There is no such conversation.")
