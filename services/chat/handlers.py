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
    Looked,
    MessageRepository,
    Redaction,
    Search,
    Sessions,
)

# A crisis answer does not wait for a database that is down.
CRISIS_RECORD_TIMEOUT_S = 2.0
_CARING_STATUS = (429, 503)
_QUOTED_UNDER = (Purpose.TRANSCRIPTION, Purpose.AI_ANALYSIS)


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
class Asked:
    """A patient's message, and where their clock is; without a conversation a new one begins."""

    patient_id: PatientId
    message: str
    conversation_id: ConversationId | None = None
    zone: tzinfo = UTC


@dataclass(frozen=True)
class Begun:
    """A message that passed the gate, holds consent, is counted and stored: now it may be answered."""

    asked: Asked
    accepted: Accepted


@dataclass(frozen=True)
class Reply:
    """What is sent back."""

    answer: Answer
    conversation_id: ConversationId
    message_id: MessageId


class Ask:
    """A patient asks. The crisis gate comes first and needs nothing; refusals come before any model is asked."""

    def __init__(self, dependencies: Dependencies) -> None:
        self._dependencies = dependencies

    async def only_crisis(self, asked: Asked) -> Reply | None:
        """Return the crisis answer, or None when the message does not ask for one; needs nobody's permission."""
        _only_own(asked.patient_id)
        level = assess(asked.message)
        return None if level is None else await self._crisis(asked, level)

    async def begin(self, asked: Asked) -> Reply | Begun:
        """Return the crisis answer, or the message ready to be answered.

        Raises AppError: NOT_FOUND, CONSENT_REQUIRED, PATIENT_QUOTA, UNAVAILABLE; the last two with crisis resources.
        """
        _only_own(asked.patient_id)
        level = assess(asked.message)
        if level is not None:
            return await self._crisis(asked, level)
        try:
            await self._dependencies.holds.hold(asked.patient_id)
            accepted = await self._dependencies.messages.accept(asked.patient_id, asked.conversation_id, asked.message)
        except AppError as error:
            raise _caring(error) from error
        return Begun(asked, accepted)

    async def finish(self, begun: Begun) -> Reply:
        """Look, answer, verify and record; nothing is returned that is not recorded. Errors as in `begin`."""
        try:
            return await self._finish(begun)
        except AppError as error:
            raise _caring(error) from error

    async def _finish(self, begun: Begun) -> Reply:
        patient_id, accepted = begun.asked.patient_id, begun.accepted
        zone = begun.asked.zone
        sessions = [session.local(zone) for session in await self._dependencies.sessions.ready(patient_id)]
        moment = Moment(self._dependencies.clock(), zone)
        inquiry = understand(begun.asked.message, sessions, moment, accepted.history)
        if not sessions or inquiry.empty:
            text = ASK_ME if sessions else NO_SESSIONS
            looked = Looked(fixed(text, AnsweredBy.LOCAL), Attribution({}, {}))
        else:
            looked = await self._inside_then_outside(begun, inquiry, sessions)
        message_id = await self._dependencies.messages.answered(patient_id, accepted, looked)
        get_logger().info(
            "chat.answered",
            answered_by=looked.answer.answered_by.value,
            grounded=looked.answer.grounded,
            source_count=len(looked.answer.sources),
        )
        return Reply(looked.answer, accepted.conversation_id, message_id)

    async def _inside_then_outside(self, begun: Begun, inquiry: Inquiry, sessions: Sequence[Session]) -> Looked:
        """Search the time that was named; if nothing answers there, everywhere else, and say so."""
        window = inquiry.window
        looked = await self._look(begun, inquiry, sessions)
        outside = window is not None and not window.applied
        if window is not None and window.applied and not looked.answer.grounded:
            elsewhere = replace(inquiry, window=window.lifted(), overview=False)
            second = await self._look(begun, elsewhere, sessions)
            if second.answer.grounded:
                looked, window, outside = second, window.lifted(), True
        answer = looked.answer
        text = windowed(answer.text, window, outside=outside and answer.grounded)
        if answer.text_only:
            text = f"{TEXT_ONLY} {text}"
        return replace(looked, answer=replace(answer, text=text, time_window=window))

    async def _look(self, begun: Begun, inquiry: Inquiry, sessions: Sequence[Session]) -> Looked:
        window = inquiry.window
        only = window.session_ids if window and window.applied else None
        found = await self._dependencies.search.find(begun.asked.patient_id, inquiry.subject, only)
        passages = found.passages
        therapists = {session.id: session.therapist_id for session in sessions}
        consents = await self._consents(begun.asked.patient_id, passages, therapists)
        dates = {session.id: session.date for session in sessions}
        allowed = (passage for passage in passages if therapists.get(passage.session_id) in consents)
        question = Question(
            text=begun.asked.message,
            # The day is the one the patient's calendar showed, not the one in Greenwich.
            passages=tuple(replace(passage, session_date=dates[passage.session_id]) for passage in allowed),
            now=local(self._dependencies.clock(), begun.asked.zone),
            history=await self._history(begun),
            subject=inquiry.subject,
            overview=inquiry.overview,
        )
        answer = replace(await self._answer(question), text_only=found.text_only)
        return Looked(answer, Attribution(therapists, consents))

    async def _consents(
        self, patient_id: PatientId, passages: Sequence[Passage], therapists: dict[SessionId, TherapistId]
    ) -> dict[TherapistId, Held]:
        """Hold consent for each therapist whose sessions were found, before a word of them is sent anywhere."""
        held_: dict[TherapistId, Held] = {}
        found = {therapists[passage.session_id] for passage in passages if passage.session_id in therapists}
        for therapist_id in sorted(found):
            try:
                held_[therapist_id] = await self._dependencies.holds.hold(patient_id, therapist_id)
            except AppError as error:
                if error.problem is not CONSENT_REQUIRED:
                    raise
        return held_

    async def _history(self, begun: Begun) -> tuple[Exchange, ...]:
        """Return what was said before; raise AppError(CONSENT_REQUIRED) if consent to it has ended just now."""
        for therapist_id in sorted(begun.accepted.basis.therapists):
            await self._dependencies.holds.hold(begun.asked.patient_id, therapist_id)
        return begun.accepted.history

    async def _answer(self, question: Question) -> Answer:
        if not question.passages:
            return fixed(NOTHING_FOUND, AnsweredBy.LOCAL)
        try:
            draft = await self._dependencies.answerer.answer(question)
        except AppError as error:
            get_logger().warning("answer.fell_back", problem=error.problem.slug, **error.facts)
            draft = await self._dependencies.quotes.answer(question)
        return compose(question, draft)

    async def _crisis(self, asked: Asked, level: Level) -> Reply:
        """Answer with the fixed text whatever else works; the record and the signal are tried, not waited for."""
        answer = fixed(CRISIS_TEXT, AnsweredBy.SAFETY)
        crisis = Crisis(asked.conversation_id, asked.message, level.value, answer)
        try:
            async with asyncio.timeout(CRISIS_RECORD_TIMEOUT_S):
                noted = await self._dependencies.messages.note_crisis(asked.patient_id, crisis)
        except (AppError, TimeoutError):
            get_logger().error("crisis.not_recorded", level_of_signal=level.value)
            return Reply(answer, asked.conversation_id or ConversationId(new_id()), MessageId(new_id()))
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
        if event.consent_type in _QUOTED_UNDER:
            await self._redaction.redact(tx, event)
        return ()


def _only_own(patient_id: PatientId) -> None:
    """Reject a capability bound to another patient; a missing one is rejected by the stores."""
    token = held()
    if token is not None and parse(token).patient_id not in (None, patient_id):
        raise AppError(NOT_FOUND, "There is no such patient.")


def _caring(error: AppError) -> AppError:
    """Put the crisis resources beside "not now": a person may have needed more than an answer."""
    if error.problem.status not in _CARING_STATUS:
        return error
    return AppError(
        error.problem,
        error.detail,
        retry_after_s=error.retry_after_s,
        errors=error.errors,
        extra={**error.extra, "crisis_resources": CRISIS_RESOURCES},
        **error.facts,
    )
