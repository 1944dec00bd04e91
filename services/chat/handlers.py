"""Chat use cases: answer a message, and redact answers after a revocation."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from libs.common.capability import held
from libs.common.database.transaction import Transaction
from libs.common.errors import NOT_FOUND, AppError
from libs.common.events import Event
from libs.common.ids import new_id
from libs.common.log import get_logger
from libs.common.messaging.steps import Step
from libs.contracts.capability import parse
from libs.contracts.consent import ConsentRevoked
from libs.contracts.ids import ConversationId, MessageId, PatientId
from libs.contracts.purposes import Purpose
from libs.contracts.safety import CRISIS_RESOURCES
from services.chat.answering import AcceptedMessage, Answering, ChatMessage, Dependencies
from services.chat.domain.composing import fixed
from services.chat.domain.conversation import Answer, AnsweredBy
from services.chat.domain.crisis import CRISIS_TEXT, Level, assess
from services.chat.ports import Crisis, Redaction

# A crisis answer must not wait for a database that is down.
CRISIS_RECORD_TIMEOUT_S = 2.0
_NOT_ANSWERED_STATUS = (429, 503)
_QUOTE_PURPOSES = (Purpose.TRANSCRIPTION, Purpose.AI_ANALYSIS)


@dataclass(frozen=True)
class Reply:
    """An answer with the ids of its conversation and message."""

    answer: Answer
    conversation_id: ConversationId
    message_id: MessageId


class Ask:
    """Answers messages. The crisis check comes first and has no dependencies; refusals precede any model call."""

    def __init__(self, dependencies: Dependencies) -> None:
        self._dependencies = dependencies
        self._answering = Answering(dependencies)

    async def only_crisis(self, message: ChatMessage) -> Reply | None:
        """Return the crisis answer, None if the message needs none. Requires neither consent nor quota."""
        _only_own(message.patient_id)
        level = assess(message.text)
        return None if level is None else await self._crisis(message, level)

    async def begin(self, message: ChatMessage) -> Reply | AcceptedMessage:
        """Return the crisis answer, or the accepted message to pass to `finish`.

        Raises AppError: NOT_FOUND, CONSENT_REQUIRED, PATIENT_QUOTA, UNAVAILABLE; the last two include crisis resources.
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
        """Search, answer, verify and record; an answer is returned only once recorded. Raises the errors of `begin`."""
        try:
            return await self._finish(pending)
        except AppError as error:
            raise _with_crisis_resources(error) from error

    async def _finish(self, pending: AcceptedMessage) -> Reply:
        """Answer and record. Raises AppError(CONSENT_REQUIRED) if a consent was revoked meanwhile."""
        search_result = await self._answering.answer(pending)
        accepted = pending.accepted
        message_id = await self._dependencies.messages.answered(pending.message.patient_id, accepted, search_result)
        answer = search_result.answer
        get_logger().info(
            "chat.answered",
            answered_by=answer.answered_by.value,
            grounded=answer.grounded,
            source_count=len(answer.sources),
        )
        return Reply(answer, accepted.conversation_id, message_id)

    async def _crisis(self, message: ChatMessage, level: Level) -> Reply:
        """Return the fixed crisis answer. Recording it and emitting the signal are attempted, but never required."""
        answer = fixed(CRISIS_TEXT, AnsweredBy.SAFETY)
        crisis = Crisis(message.conversation_id, message.text, level.value, answer)
        try:
            async with asyncio.timeout(CRISIS_RECORD_TIMEOUT_S):
                noted = await self._dependencies.messages.note_crisis(message.patient_id, crisis)
        except (AppError, TimeoutError):
            get_logger().error("crisis.record_failed", level_of_signal=level.value)
            return Reply(answer, message.conversation_id or ConversationId(new_id()), MessageId(new_id()))
        return Reply(answer, noted.conversation_id, noted.message_id)


class RedactOnRevocation(Step[ConsentRevoked, None]):
    """Permanently redacts answers that rest on a revoked consent, directly or through their history.

    Such answers are hidden from the moment of the revocation, because every read checks consent in the database. A late
    event leaves answers under a newer consent intact, because consent records are compared, not therapists.
    """

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction

    async def record(self, event: ConsentRevoked, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Redact the answers. Publishes no event."""
        if event.consent_type in _QUOTE_PURPOSES:
            await self._redaction.redact(tx, event)
        return ()


def _only_own(patient_id: PatientId) -> None:
    """Raise AppError(NOT_FOUND) for a capability of another patient; the services called refuse a missing one."""
    token = held()
    if token is not None and parse(token).patient_id not in (None, patient_id):
        raise AppError(NOT_FOUND, "There is no such patient.")


def _with_crisis_resources(error: AppError) -> AppError:
    """Return the error with crisis resources if it is 429 or 503: the patient may need help now."""
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
