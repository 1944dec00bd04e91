"""What the chat does about a message, and about consent that ends."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

from libs.common.capability import held
from libs.common.clock import Clock
from libs.common.database.transaction import Transaction
from libs.common.errors import NOT_FOUND, AppError
from libs.common.events import Event
from libs.common.ids import new_id
from libs.common.local_time import local
from libs.common.log import get_logger
from libs.common.messaging.steps import Step
from libs.contracts.capability import parse
from libs.contracts.consent import ConsentRevoked
from libs.contracts.ids import ConversationId, MessageId, PatientId, SessionId, TherapistId
from libs.contracts.problems import CONSENT_REQUIRED
from libs.contracts.purposes import Purpose
from libs.contracts.safety import CRISIS_RESOURCES
from services.chat.domain.composing import compose, fixed
from services.chat.domain.conversation import Answer, AnsweredBy, Exchange, Passage, Question, Session
from services.chat.domain.crisis import CRISIS_TEXT, Level, assess
from services.chat.domain.inquiry import Inquiry, Moment, understand
from services.chat.domain.phrasing import ASK_ME, NO_SESSIONS, NOTHING_FOUND, TEXT_ONLY, windowed
from services.chat.ports import (
    Accepted,
    Answerer,
    Attribution,
    ConsentHolds,
    Crisis,
    Held,
    MessageRepository,
    Redaction,
    Search,
    SearchResult,
    Sessions,
)

# A crisis answer does not wait for a database that is down.
CRISIS_RECORD_TIMEOUT_S = 2.0
_NOT_ANSWERED_STATUS = (429, 503)
_QUOTE_PURPOSES = (Purpose.TRANSCRIPTION, Purpose.AI_ANALYSIS)


@dataclass(frozen=True)
class Dependencies:
    """Everything a question is answered with. `quotes` stands in when `answerer` is out of reach."""

    messages: MessageRepository
    search: Search
    sessions: Sessions
    holds: ConsentHolds
    answerer: Answerer
    quotes: Answerer
    clock: Clock


@dataclass(frozen=True)
class ChatMessage:
    """A patient's message, and where their clock is; without a conversation a new one begins."""

    patient_id: PatientId
    text: str
    conversation_id: ConversationId | None = None
    zone: tzinfo = UTC


@dataclass(frozen=True)
class AcceptedMessage:
    """A message that passed the gate, holds consent, is counted and stored: now it may be answered."""

    message: ChatMessage
    accepted: Accepted


@dataclass(frozen=True)
class Reply:
    """What is sent back."""

    answer: Answer
    conversation_id: ConversationId
    message_id: MessageId


class Ask:
    """A patient asks. The crisis gate comes first and needs nothing; refusals come before any model is message."""

    def __init__(self, dependencies: Dependencies) -> None:
        self._dependencies = dependencies

    async def only_crisis(self, message: ChatMessage) -> Reply | None:
        """Return the crisis answer, or None when the message does not ask for one; needs nobody's permission."""
        _only_own(message.patient_id)
        level = assess(message.text)
        return None if level is None else await self._crisis(message, level)

    async def begin(self, message: ChatMessage) -> Reply | AcceptedMessage:
        """Return the crisis answer, or the message ready to be answered.

        Raises AppError: NOT_FOUND, CONSENT_REQUIRED, PATIENT_QUOTA, UNAVAILABLE; the last two with crisis resources.
        """
        _only_own(message.patient_id)
        level = assess(message.text)
        if level is not None:
            return await self._crisis(message, level)
        try:
            await self._dependencies.holds.hold(message.patient_id)
            accepted = await self._dependencies.messages.accept(
                message.patient_id, message.conversation_id, message.text
            )
        except AppError as error:
            raise _with_crisis_resources(error) from error
        return AcceptedMessage(message, accepted)

    async def finish(self, pending: AcceptedMessage) -> Reply:
        """Look, answer, verify and record; nothing is returned that is not recorded. Errors as in `begin`."""
        try:
            return await self._finish(pending)
        except AppError as error:
            raise _with_crisis_resources(error) from error

    async def _finish(self, pending: AcceptedMessage) -> Reply:
        patient_id, accepted = pending.message.patient_id, pending.accepted
        zone = pending.message.zone
        sessions = [session.local(zone) for session in await self._dependencies.sessions.ready(patient_id)]
        moment = Moment(self._dependencies.clock(), zone)
        inquiry = understand(pending.message.text, sessions, moment, accepted.history)
        if not sessions or inquiry.empty:
            text = ASK_ME if sessions else NO_SESSIONS
            search_result = SearchResult(fixed(text, AnsweredBy.LOCAL), Attribution({}, {}))
        else:
            search_result = await self._answer_in_window_first(pending, inquiry, sessions)
        message_id = await self._dependencies.messages.answered(patient_id, accepted, search_result)
        get_logger().info(
            "chat.answered",
            answered_by=search_result.answer.answered_by.value,
            grounded=search_result.answer.grounded,
            source_count=len(search_result.answer.sources),
        )
        return Reply(search_result.answer, accepted.conversation_id, message_id)

    async def _answer_in_window_first(
        self, pending: AcceptedMessage, inquiry: Inquiry, sessions: Sequence[Session]
    ) -> SearchResult:
        """Search the time that was named; if nothing answers there, everywhere else, and say so."""
        window = inquiry.window
        search_result = await self._search_and_answer(pending, inquiry, sessions)
        outside = window is not None and not window.applied
        if window is not None and window.applied and not search_result.answer.grounded:
            elsewhere = replace(inquiry, window=window.lifted(), overview=False)
            second = await self._search_and_answer(pending, elsewhere, sessions)
            if second.answer.grounded:
                search_result, window, outside = second, window.lifted(), True
        answer = search_result.answer
        text = windowed(answer.text, window, outside=outside and answer.grounded)
        if answer.text_only:
            text = f"{TEXT_ONLY} {text}"
        return replace(search_result, answer=replace(answer, text=text, time_window=window))

    async def _search_and_answer(
        self, pending: AcceptedMessage, inquiry: Inquiry, sessions: Sequence[Session]
    ) -> SearchResult:
        window = inquiry.window
        only = window.session_ids if window and window.applied else None
        found = await self._dependencies.search.find(pending.message.patient_id, inquiry.subject, only)
        passages = found.passages
        therapists = {session.id: session.therapist_id for session in sessions}
        consents = await self._consents(pending.message.patient_id, passages, therapists)
        dates = {session.id: session.date for session in sessions}
        allowed = (passage for passage in passages if therapists.get(passage.session_id) in consents)
        question = Question(
            text=pending.message.text,
            # The day is the one the patient's calendar showed, not the one in Greenwich.
            passages=tuple(replace(passage, session_date=dates[passage.session_id]) for passage in allowed),
            now=local(self._dependencies.clock(), pending.message.zone),
            history=await self._history(pending),
            subject=inquiry.subject,
            overview=inquiry.overview,
        )
        answer = replace(await self._answer(question), text_only=found.text_only)
        return SearchResult(answer, Attribution(therapists, consents))

    async def _consents(
        self, patient_id: PatientId, passages: Sequence[Passage], therapists: dict[SessionId, TherapistId]
    ) -> dict[TherapistId, Held]:
        """Hold consent for each therapist whose sessions were found, before a word of them is sent anywhere."""
        holds: dict[TherapistId, Held] = {}
        found = {therapists[passage.session_id] for passage in passages if passage.session_id in therapists}
        for therapist_id in sorted(found):
            try:
                holds[therapist_id] = await self._dependencies.holds.hold(patient_id, therapist_id)
            except AppError as error:
                if error.problem is not CONSENT_REQUIRED:
                    raise
        return holds

    async def _history(self, pending: AcceptedMessage) -> tuple[Exchange, ...]:
        """Return what was said before; raise AppError(CONSENT_REQUIRED) if consent to it has ended just now."""
        for therapist_id in sorted(pending.accepted.basis.therapists):
            await self._dependencies.holds.hold(pending.message.patient_id, therapist_id)
        return pending.accepted.history

    async def _answer(self, question: Question) -> Answer:
        if not question.passages:
            return fixed(NOTHING_FOUND, AnsweredBy.LOCAL)
        try:
            draft = await self._dependencies.answerer.answer(question)
        except AppError as error:
            get_logger().warning("answer.fell_back", problem=error.problem.slug, **error.facts)
            draft = await self._dependencies.quotes.answer(question)
        return compose(question, draft)

    async def _crisis(self, message: ChatMessage, level: Level) -> Reply:
        """Answer with the fixed text whatever else works; the record and the signal are tried, not waited for."""
        answer = fixed(CRISIS_TEXT, AnsweredBy.SAFETY)
        crisis = Crisis(message.conversation_id, message.text, level.value, answer)
        try:
            async with asyncio.timeout(CRISIS_RECORD_TIMEOUT_S):
                noted = await self._dependencies.messages.note_crisis(message.patient_id, crisis)
        except (AppError, TimeoutError):
            get_logger().error("crisis.not_recorded", level_of_signal=level.value)
            return Reply(answer, message.conversation_id or ConversationId(new_id()), MessageId(new_id()))
        return Reply(answer, noted.conversation_id, noted.message_id)


class RedactOnRevocation(Step[ConsentRevoked, None]):
    """A consent that quotes need ended: answers that stand on it, also by their history, lose their words for good.

    They are hidden from the moment of the revocation already, because every read asks the database for consent. An
    event that comes late takes nothing from answers given under a new consent: records are compared, not therapists.
    """

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction

    async def record(self, event: ConsentRevoked, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Redact, and say nothing further: nobody waits for it."""
        if event.consent_type in _QUOTE_PURPOSES:
            await self._redaction.redact(tx, event)
        return ()


def _only_own(patient_id: PatientId) -> None:
    """Reject a capability bound to another patient; a missing one is rejected by the stores."""
    token = held()
    if token is not None and parse(token).patient_id not in (None, patient_id):
        raise AppError(NOT_FOUND, "There is no such patient.")


def _with_crisis_resources(error: AppError) -> AppError:
    """Put the crisis resources beside "not now": a person may have needed more than an answer."""
    if error.problem.status not in _NOT_ANSWERED_STATUS:
        return error
    return AppError(
        error.problem,
        error.detail,
        retry_after_s=error.retry_after_s,
        errors=error.errors,
        extra={**error.extra, "crisis_resources": CRISIS_RESOURCES},
        **error.facts,
    )
