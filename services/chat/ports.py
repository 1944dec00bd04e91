"""Interfaces to the stores, services and models that the handlers use."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from libs.common.database.paging import Page, Window
from libs.common.database.transaction import Transaction
from libs.contracts.audit import AuditEntry, AuditQuery
from libs.contracts.consent import ConsentRevoked
from libs.contracts.ids import ConversationId, MessageId, PatientId, SessionId, TherapistId
from services.chat.domain.basis import NOTHING, Attribution, Basis, Held
from services.chat.domain.conversation import (
    Answer,
    Claim,
    Conversation,
    Draft,
    Exchange,
    Finding,
    Message,
    Question,
    Quota,
    Session,
)
from services.chat.domain.crisis.assessing import Concern
from services.chat.domain.homework import TakenOn
from services.chat.domain.message_kind import Reading
from services.chat.domain.overview import Digest

Hear = Callable[[Claim], Awaitable[bool]]
"""Is told each claim once it is complete, in order; returns whether any of the answer has been told to the patient."""


class Answerer(Protocol):
    """Writes an unverified draft from passages. Raises AppError, whose detail never contains a vendor's text."""

    async def answer(self, question: Question, hear: Hear | None = None) -> Draft:
        """Return claims with citations; none if the passages do not answer the question.

        Who writes sentence by sentence tells `hear` the first claims of the draft beforehand, and starts over no more.
        An error of `hear` is raised as it is.
        """
        ...


class MessageReader(Protocol):
    """The trained heads, on this machine."""

    async def read(self, message: str) -> Reading:
        """Return the probability of each kind of message."""
        ...


class CrisisReader(Protocol):
    """The trained head of the crisis check, on this machine."""

    async def read(self, messages: Sequence[str]) -> Sequence[Mapping[str, float]]:
        """Return the probability of each sign of a crisis in each message."""
        ...


class Search(Protocol):
    """Finds words in one patient's sessions. What consent or the capability does not allow is left out, not refused.

    Raises AppError when the embedder does not answer.
    """

    async def find(self, patient_id: PatientId, text: str, sessions: Sequence[SessionId]) -> Finding:
        """Return the best passages of these sessions of the patient, best first."""
        ...


class Commitments(Protocol):
    """Tells what a patient took on, as it was found when sessions were indexed; none of sessions that are not named."""

    async def commitments(self, patient_id: PatientId, sessions: Sequence[SessionId]) -> tuple[TakenOn, ...]:
        """Return the patient's commitments as these sessions tell them, newest first."""
        ...


class Digests(Protocol):
    """Tells what whole sessions were about, as it was found when they were indexed."""

    async def digests(self, sessions: Sequence[SessionId]) -> tuple[Digest, ...]:
        """Return the digests of sessions, oldest first; a session that has none is left out."""
        ...


class Sessions(Protocol):
    """Tells which sessions there are, without a word of them. Raises AppError without an answer."""

    async def ready(self, patient_id: PatientId) -> tuple[Session, ...]:
        """Return the patient's sessions that are ready and released: what the chat may know of."""
        ...


class ConsentHolds(Protocol):
    """Asks whether a patient's consent is in force, before anything of a session is read. No answer is no consent."""

    async def hold(self, patient_id: PatientId, therapist_id: TherapistId | None = None) -> Held:
        """Return the consents in force that quotes need (with any therapist, if none is given).

        Raises AppError(CONSENT_REQUIRED) if one is missing.
        """
        ...


@dataclass(frozen=True)
class Accepted:
    """A stored message with its conversation, the history, the remaining quota, and the basis of the history."""

    conversation_id: ConversationId
    message_id: MessageId
    history: tuple[Exchange, ...]
    quota: Quota | None = None
    basis: Basis = NOTHING


@dataclass(frozen=True)
class SearchResult:
    """The answer from one search, with the therapists and consents of its sources."""

    answer: Answer
    attribution: Attribution


@dataclass(frozen=True)
class Crisis:
    """A message that indicates a crisis, its level and kind, and the fixed answer."""

    conversation_id: ConversationId | None
    message: str
    concern: Concern
    answer: Answer


class MessageRepository(Protocol):
    """Stores messages. Every call is one short transaction under the current capability."""

    async def accept(self, patient_id: PatientId, conversation_id: ConversationId | None, message: str) -> Accepted:
        """Store a patient's message and count it.

        Raises AppError: NOT_FOUND for an unknown conversation, PATIENT_QUOTA above the hourly limit.
        """
        ...

    async def note_telling(self, patient_id: PatientId, to: Accepted) -> None:
        """Put on record that words are given out, before the first of an answer that is told while it is written."""
        ...

    async def answered(self, patient_id: PatientId, to: Accepted, search_result: SearchResult) -> MessageId:
        """Store an answer, its sources and its audit row. Raises AppError(CONSENT_REQUIRED) if consent was revoked."""
        ...

    async def note_crisis(self, patient_id: PatientId, crisis: Crisis) -> Accepted:
        """Store a crisis message and its fixed answer, and emit the signal. The quota does not apply.

        Returns the ids of the answer.
        """
        ...

    async def signal(self, patient_id: PatientId, to: Accepted, concern: Concern) -> None:
        """Emit the signal of a message that was accepted."""
        ...


class Redaction(Protocol):
    """Redacts answers."""

    async def redact(self, tx: Transaction, event: ConsentRevoked) -> None:
        """Redact every answer of the patient that rests on a revoked consent."""
        ...


class ConversationRepository(Protocol):
    """Reads and deletes conversations."""

    async def list(self, patient_id: PatientId, window: Window) -> Page[Conversation]:
        """Return the patient's conversations, newest first."""
        ...

    async def messages(self, conversation_id: ConversationId, window: Window) -> Page[Message]:
        """Return a conversation's messages in order. Raises AppError(NOT_FOUND)."""
        ...

    async def message(self, message_id: MessageId) -> tuple[ConversationId, Message]:
        """Return an answer and its conversation. Raises AppError(NOT_FOUND)."""
        ...

    async def delete(self, conversation_id: ConversationId) -> None:
        """Delete a conversation and its messages. Raises AppError(NOT_FOUND)."""
        ...


class AnswerRecord(Protocol):
    """The audit of answers."""

    async def page(self, query: AuditQuery) -> Page[AuditEntry]:
        """Return audit rows, newest first."""
        ...
