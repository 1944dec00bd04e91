"""What the chat needs from outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from libs.common.database.paging import Page, Window
from libs.common.database.transaction import Transaction
from libs.contracts.audit import AuditEntry, AuditQuery
from libs.contracts.consent import ConsentRevoked
from libs.contracts.ids import ConsentId, ConversationId, MessageId, PatientId, SessionId, TherapistId
from services.chat.domain.conversation import (
    Answer,
    Conversation,
    Draft,
    Exchange,
    Finding,
    Message,
    Question,
    Quota,
    Session,
)


class Answerer(Protocol):
    """Writes a draft from passages. Raises AppError, never with a vendor's text; what it wrote is not believed yet."""

    async def answer(self, question: Question) -> Draft:
        """Return claims with the places they come from; none when the passages do not answer."""
        ...


class Search(Protocol):
    """The embedder."""

    async def find(self, patient_id: PatientId, text: str, sessions: Sequence[SessionId] | None) -> Finding:
        """Return the best passages of the patient, best first; of these sessions only, when given."""
        ...


class Sessions(Protocol):
    """Ingestion."""

    async def ready(self, patient_id: PatientId) -> tuple[Session, ...]:
        """Return the patient's sessions that can be asked about."""
        ...


@dataclass(frozen=True)
class Held:
    """The consents that words are quoted under: they exist by one, and are searched by the other."""

    analysis: ConsentId
    transcription: ConsentId

    @property
    def both(self) -> frozenset[ConsentId]:
        """Return both."""
        return frozenset((self.analysis, self.transcription))


@dataclass(frozen=True)
class Basis:
    """What an answer stands on, itself or by what was said before it: whose words, and under which consents."""

    therapists: frozenset[TherapistId] = frozenset()
    consents: frozenset[ConsentId] = frozenset()

    def __or__(self, other: "Basis") -> "Basis":
        """Return what both stand on."""
        return Basis(self.therapists | other.therapists, self.consents | other.consents)


class ConsentHolds(Protocol):
    """The consent service."""

    async def hold(self, patient_id: PatientId, therapist_id: TherapistId | None = None) -> Held:
        """Return the consents in force that quotes need (with any therapist, when none is named).

        Raises AppError(CONSENT_REQUIRED) when one is missing.
        """
        ...


@dataclass(frozen=True)
class Accepted:
    """A message that is stored: where it belongs, what was said before, and what that stands on."""

    conversation_id: ConversationId
    message_id: MessageId
    history: tuple[Exchange, ...]
    quota: Quota | None = None
    basis: Basis = Basis()


@dataclass(frozen=True)
class Attribution:
    """Under whose and which consent the words of each session may be used."""

    therapists: Mapping[SessionId, TherapistId]
    consents: Mapping[TherapistId, Held]


@dataclass(frozen=True)
class SearchResult:
    """What one look through the sessions gave, and under which consents."""

    answer: Answer
    attribution: Attribution


@dataclass(frozen=True)
class Crisis:
    """A message that read like a crisis, how plainly, and what was answered."""

    conversation_id: ConversationId | None
    message: str
    level: str
    answer: Answer


class MessageRepository(Protocol):
    """Where conversations are kept. Every call is one short transaction under the current capability."""

    async def accept(self, patient_id: PatientId, conversation_id: ConversationId | None, message: str) -> Accepted:
        """Store a patient's message and count it.

        Raises AppError: NOT_FOUND for an unknown conversation, PATIENT_QUOTA above the hourly limit.
        """
        ...

    async def answered(self, patient_id: PatientId, to: Accepted, search_result: SearchResult) -> MessageId:
        """Store an answer, its sources and its audit row; raise AppError(CONSENT_REQUIRED) when consent has ended."""
        ...

    async def note_crisis(self, patient_id: PatientId, crisis: Crisis) -> Accepted:
        """Store a message that read like a crisis and its fixed answer, and emit the signal. No limit applies.

        Returns where the answer is.
        """
        ...


class Redaction(Protocol):
    """Takes words back."""

    async def redact(self, tx: Transaction, event: ConsentRevoked) -> None:
        """Take the words out of every answer of the patient that stands on a consent that has ended."""
        ...


class ConversationRepository(Protocol):
    """Conversations as they are read again."""

    async def list(self, patient_id: PatientId, window: Window) -> Page[Conversation]:
        """Return the patient's conversations, newest first."""
        ...

    async def messages(self, conversation_id: ConversationId, window: Window) -> Page[Message]:
        """Return a conversation's messages in order; raise AppError(NOT_FOUND) when there is no such conversation."""
        ...

    async def message(self, message_id: MessageId) -> tuple[ConversationId, Message]:
        """Return an answer and its conversation; raise AppError(NOT_FOUND) when there is no such answer."""
        ...

    async def delete(self, conversation_id: ConversationId) -> None:
        """Delete a conversation with all its words; raise AppError(NOT_FOUND) when there is none."""
        ...


class AnswerRecord(Protocol):
    """The record of who was told something."""

    async def page(self, wanted: AuditQuery) -> Page[AuditEntry]:
        """Return rows, newest first."""
        ...
