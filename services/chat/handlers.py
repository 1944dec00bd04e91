"""Chat use cases: answer a message, and redact answers after a revocation."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from libs.common.capability import held
from libs.common.database.transaction import Transaction
from libs.common.errors import NOT_FOUND, AppError
from libs.common.events import Event
from libs.common.log import get_logger
from libs.common.messaging.steps import Step
from libs.contracts.capability import parse
from libs.contracts.consent import ConsentRevoked
from libs.contracts.ids import ConversationId, MessageId, PatientId
from libs.contracts.organization.own_help_lines import CrisisSettings
from libs.contracts.problems import CHAT_OFF
from libs.contracts.purposes import Purpose
from libs.contracts.safety import ChatMode
from services.chat.answering import AcceptedMessage, Answering, ChatMessage, Dependencies
from services.chat.crisis_care import CrisisCheck
from services.chat.domain.basis import Attribution
from services.chat.domain.composing import fixed
from services.chat.domain.conversation import Answer, AnsweredBy
from services.chat.domain.crisis.assessing import Concern, Kind, Level
from services.chat.domain.crisis.caring import fixed_text, with_care
from services.chat.domain.replies import NOTICE
from services.chat.ports import Accepted, Crisis, Redaction, SearchResult

# A crisis answer must not wait for a database that is down.
CRISIS_RECORD_TIMEOUT_S = 2.0
_NOT_ANSWERED_STATUS = (429, 503)
_QUOTE_PURPOSES = (Purpose.TRANSCRIPTION, Purpose.AI_ANALYSIS)


@dataclass(frozen=True)
class Reply:
    """An answer with the ids of its conversation and message; with whom to call where the message gave a concern.

    `notice` says what this is, beside the first answer of a conversation.
    """

    answer: Answer
    conversation_id: ConversationId
    message_id: MessageId
    crisis_resources: Mapping[str, Any] | None = None
    notice: str | None = None


class Ask:
    """Answers messages. The crisis check comes first and has no dependencies; refusals precede any model call."""

    def __init__(self, dependencies: Dependencies, check: CrisisCheck | None = None) -> None:
        self._dependencies = dependencies
        self._answering = Answering(dependencies)
        self._new_id = dependencies.new_id
        self._check = check or CrisisCheck()

    def crisis_resources(self, organization: CrisisSettings) -> Mapping[str, Any]:
        """Return whom the patients of an organization are to call."""
        return self._check.lines_for(organization).to_json()

    async def only_crisis(self, message: ChatMessage) -> Reply | None:
        """Return the crisis answer, None if the message needs none. Requires neither consent nor quota."""
        _only_own(message.patient_id)
        concern = await self._check.concern(message.text)
        # No ordinary answer is to be had here, so a possible crisis gets the fixed text as well.
        return None if concern is None else await self._crisis(message, concern)

    async def begin(self, message: ChatMessage) -> Reply | AcceptedMessage:
        """Return the crisis answer, or the accepted message to pass to `finish`.

        Raises AppError: NOT_FOUND, CHAT_OFF, CONSENT_REQUIRED, PATIENT_QUOTA, UNAVAILABLE; the last two include crisis
        resources, and so does each where a crisis is possible.
        """
        _only_own(message.patient_id)
        concern = await self._check.concern(message.text)
        off = message.mode is ChatMode.OFF
        # Where the chat is off no ordinary answer is to be had, so a possible crisis gets the fixed text as well.
        if concern is not None and (off or concern.level is Level.EXPLICIT):
            return await self._crisis(message, concern)
        if off:
            raise AppError(CHAT_OFF, "This organization does not offer the chat.")
        try:
            # Before the message is stored: without consent nothing of it is kept.
            await self._dependencies.holds.hold(message.patient_id)
            accepted = await self._dependencies.messages.accept(
                message.patient_id, message.conversation_id, message.text
            )
            # Again with the history: some messages are a crisis only after what was said before them.
            after = await self._check.after(accepted.history, message.text, concern)
            pending = AcceptedMessage(message, accepted, after)
            return await self._crisis_after(pending) if _is_explicit(after) else pending
        except AppError as error:
            raise self._with_crisis_resources(error, message, concern) from error

    async def finish(self, pending: AcceptedMessage) -> Reply:
        """Search, answer, verify and record; an answer is returned only once recorded. Raises the errors of `begin`."""
        try:
            return await self._finish(pending)
        except AppError as error:
            raise self._with_crisis_resources(error, pending.message, pending.concern) from error

    async def _finish(self, pending: AcceptedMessage) -> Reply:
        """Answer and record. Raises AppError(CONSENT_REQUIRED) if a consent was revoked meanwhile."""
        search_result = await self._answering.answer(pending)
        lines = self._check.lines_for(pending.message.crisis)
        answer = with_care(search_result.answer, pending.concern, lines)
        reply = await self._recorded(pending, replace(search_result, answer=answer))
        get_logger().info(
            "chat.answered",
            answered_by=answer.answered_by.value,
            grounded=answer.grounded,
            source_count=len(answer.sources),
        )
        return reply

    async def _recorded(self, pending: AcceptedMessage, search_result: SearchResult) -> Reply:
        """Record an answer, and emit the signal if there is a concern; that is attempted, but never required."""
        patient_id, accepted = pending.message.patient_id, pending.accepted
        message_id = await self._dependencies.messages.answered(patient_id, accepted, search_result)
        reply = Reply(
            search_result.answer, accepted.conversation_id, message_id, notice=_notice(pending, search_result)
        )
        if pending.concern is None:
            return reply
        try:
            # In a transaction of its own: an answer that is recorded stands, whether or not its signal can be written.
            async with asyncio.timeout(CRISIS_RECORD_TIMEOUT_S):
                await self._dependencies.messages.signal(patient_id, accepted, pending.concern)
        except (AppError, TimeoutError):
            get_logger().error("crisis.record_failed", level_of_signal=pending.concern.level.value)
        return replace(reply, crisis_resources=self.crisis_resources(pending.message.crisis))

    async def _crisis_after(self, pending: AcceptedMessage) -> Reply:
        """Answer an accepted message that is a crisis after what was said before it."""
        answer = self._fixed(pending.message, pending.concern)
        return await self._recorded(pending, SearchResult(answer, Attribution()))

    async def _crisis(self, message: ChatMessage, concern: Concern) -> Reply:
        """Return the fixed crisis answer. Recording it and emitting the signal are attempted, but never required."""
        answer = self._fixed(message, concern)
        crisis = Crisis(message.conversation_id, message.text, concern, answer)
        try:
            async with asyncio.timeout(CRISIS_RECORD_TIMEOUT_S):
                noted = await self._dependencies.messages.note_crisis(message.patient_id, crisis)
        except (AppError, TimeoutError):
            get_logger().error("crisis.record_failed", level_of_signal=concern.level.value)
            # Ids that lead nowhere: the answer keeps its shape although nothing could be stored.
            noted = Accepted(message.conversation_id or ConversationId(self._new_id()), MessageId(self._new_id()), ())
        return Reply(answer, noted.conversation_id, noted.message_id, self.crisis_resources(message.crisis))

    def _fixed(self, message: ChatMessage, concern: Concern | None) -> Answer:
        kind = concern.kind if concern else Kind.SELF_HARM
        return fixed(fixed_text(kind, self._check.lines_for(message.crisis)), AnsweredBy.SAFETY)

    def _with_crisis_resources(self, error: AppError, message: ChatMessage, concern: Concern | None) -> AppError:
        """Return the error with crisis resources if it is 429 or 503, or a crisis is possible."""
        if error.problem.status not in _NOT_ANSWERED_STATUS and concern is None:
            return error
        return AppError(
            error.problem,
            error.detail,
            retry_after_s=error.retry_after_s,
            errors=error.errors,
            extra={**error.extra, "crisis_resources": self.crisis_resources(message.crisis)},
            **error.facts,
        )


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


def _notice(pending: AcceptedMessage, search_result: SearchResult) -> str | None:
    # The text for a crisis says itself what this is, and nothing is to stand beside it.
    is_first = pending.message.conversation_id is None
    return NOTICE if is_first and search_result.answer.answered_by is not AnsweredBy.SAFETY else None


def _is_explicit(concern: Concern | None) -> bool:
    return concern is not None and concern.level is Level.EXPLICIT
