"""A room in which things were said, and the people around a question, as fakes that keep the ports' contracts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from uuid import UUID, uuid5

from libs.common.errors import AppError
from libs.common.ids import new_id
from libs.contracts.ids import ChunkId, ConsentId, ConversationId, MessageId, PatientId, SessionId, TherapistId
from libs.contracts.problems import CONSENT_REQUIRED
from libs.contracts.safety import ChatMode
from services.chat.answering import AcceptedMessage, ChatMessage, Dependencies
from services.chat.crisis_care import CrisisCheck
from services.chat.domain.basis import Basis, Held
from services.chat.domain.conversation import (
    AnsweredBy,
    Draft,
    Exchange,
    Finding,
    Passage,
    Question,
    Session,
    Speaker,
    Turn,
)
from services.chat.domain.crisis.assessing import Concern
from services.chat.domain.homework import TakenOn
from services.chat.domain.message_kind import MessageKind, Reading
from services.chat.domain.overview import Digest
from services.chat.handlers import Ask, Reply
from services.chat.ports import Accepted, Answerer, Crisis, Hear, SearchResult
from services.chat.vendors.local_extractive import ExtractiveAnswerer

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PATIENT = PatientId(new_id())
THERAPIST = TherapistId(new_id())
_SPACE = UUID(int=7)


def at(month: int, day: int) -> datetime:
    """Return the afternoon of a day of 2026."""
    return datetime(2026, month, day, 15, tzinfo=UTC)


def session(month: int, day: int, therapist_id: TherapistId = THERAPIST) -> Session:
    """Return the session of a day."""
    return Session(SessionId(uuid5(_SPACE, f"{month}-{day}")), at(month, day), therapist_id)


def passage(of: Session, *said: str, relevance: float | None = 0.5) -> Passage:
    """Return a passage of turns written `T: ...` or `P: ...`, ten seconds each."""
    turns = tuple(
        Turn(Speaker.THERAPIST if line[0] == "T" else Speaker.PATIENT, line[3:], 10.0 * place, 10.0 * place + 8)
        for place, line in enumerate(said)
    )
    return Passage(ChunkId(uuid5(of.id, said[0])), of.id, of.date, turns, relevance)


FIRST, SECOND = session(9, 8), session(10, 20)
SLEEP = passage(
    FIRST,
    "T: What would you like to start with?",
    "P: I wake up around three in the morning and cannot get back to sleep.",
    "T: For homework, write your worries into a notebook every evening at seven.",
)
SWIMMING = passage(
    SECOND,
    "T: What would you like to do more of?",
    "P: My friend Daniel goes swimming on Thursdays, and I miss it.",
    "T: Then go swimming with Daniel this week, and leave the phone at home.",
)


@dataclass
class FakeMessages:
    """Keeps what it is told."""

    history: tuple[Exchange, ...] = ()
    basis: Basis = field(default_factory=Basis)
    refusal: AppError | None = None
    asked: list[str] = field(default_factory=list)
    answers: list[SearchResult] = field(default_factory=list)
    crises: list[str] = field(default_factory=list)
    signals: list[Concern] = field(default_factory=list)
    tellings: int = 0
    telling_fails: AppError | None = None

    async def accept(self, patient_id: PatientId, conversation_id: ConversationId | None, message: str) -> Accepted:
        if self.refusal:
            raise self.refusal
        self.asked.append(message)
        return Accepted(
            conversation_id or ConversationId(new_id()), MessageId(new_id()), self.history, basis=self.basis
        )

    async def note_telling(self, patient_id: PatientId, to: Accepted) -> None:
        if self.telling_fails:
            raise self.telling_fails
        self.tellings += 1

    async def answered(self, patient_id: PatientId, to: Accepted, search_result: SearchResult) -> MessageId:
        self.answers.append(search_result)
        return MessageId(new_id())

    async def note_crisis(self, patient_id: PatientId, crisis: Crisis) -> Accepted:
        if self.refusal:
            raise self.refusal
        self.crises.append(crisis.concern.level.value)
        return Accepted(crisis.conversation_id or ConversationId(new_id()), MessageId(new_id()), ())

    async def signal(self, patient_id: PatientId, to: Accepted, concern: Concern) -> None:
        if self.refusal:
            raise self.refusal
        self.signals.append(concern)


@dataclass
class FakeSearch:
    """Finds all passages of the sessions asked for."""

    passages: tuple[Passage, ...] = (SLEEP, SWIMMING)
    text_only: bool = False
    asked: list[tuple[str, Sequence[SessionId]]] = field(default_factory=list)

    async def find(self, patient_id: PatientId, text: str, sessions: Sequence[SessionId]) -> Finding:
        self.asked.append((text, sessions))
        passages = tuple(one for one in self.passages if one.session_id in sessions)
        return Finding(passages, self.text_only)


@dataclass
class FakeCommitments:
    """What the patient took on."""

    taken: tuple[TakenOn, ...] = ()
    asked: list[Sequence[SessionId]] = field(default_factory=list)

    async def commitments(self, patient_id: PatientId, sessions: Sequence[SessionId]) -> tuple[TakenOn, ...]:
        self.asked.append(sessions)
        return self.taken


@dataclass
class FakeDigests:
    """What the sessions were about."""

    made: tuple[Digest, ...] = ()

    async def digests(self, sessions: Sequence[SessionId]) -> tuple[Digest, ...]:
        return tuple(digest for digest in self.made if digest.session_id in sessions)


@dataclass
class FakeSessions:
    """The sessions that are ready and released."""

    sessions: tuple[Session, ...] = (FIRST, SECOND)

    async def ready(self, patient_id: PatientId) -> tuple[Session, ...]:
        return self.sessions


@dataclass
class FakeHolds:
    """Consent is in force with these therapists."""

    therapists: set[TherapistId] = field(default_factory=lambda: {THERAPIST})
    down: AppError | None = None

    async def hold(self, patient_id: PatientId, therapist_id: TherapistId | None = None) -> Held:
        if self.down:
            raise self.down
        if therapist_id in self.therapists or (therapist_id is None and self.therapists):
            return Held(ConsentId(uuid5(_SPACE, "consent")), ConsentId(uuid5(_SPACE, "consent to the words")))
        raise AppError(CONSENT_REQUIRED, CONSENT_REQUIRED.doc)


@dataclass
class FakeReader:
    """Takes every message for one kind."""

    kind: MessageKind = MessageKind.DETAIL

    async def read(self, message: str) -> Reading:
        return Reading({self.kind.value: 1.0})


@dataclass
class FakeAnswerer:
    """A model that says what it is told to, or fails."""

    draft: Draft | None = None
    failure: AppError | None = None
    questions: list[Question] = field(default_factory=list)

    async def answer(self, question: Question, hear: Hear | None = None) -> Draft:
        self.questions.append(question)
        if self.failure:
            raise self.failure
        return self.draft or Draft(AnsweredBy.CLAUDE, "fake")


class Room:
    """Everything around one patient's question."""

    def __init__(self, answerer: Answerer | None = None, check: CrisisCheck | None = None) -> None:
        self.mode = ChatMode.RECALL
        self.messages, self.search = FakeMessages(), FakeSearch()
        self.commitments, self.digests = FakeCommitments(), FakeDigests()
        self.sessions, self.holds, self.reader = FakeSessions(), FakeHolds(), FakeReader()
        self.ask = Ask(
            Dependencies(
                messages=self.messages,
                search=self.search,
                commitments=self.commitments,
                digests=self.digests,
                sessions=self.sessions,
                holds=self.holds,
                answerer=answerer or ExtractiveAnswerer(),
                quotes=ExtractiveAnswerer(answered_by=AnsweredBy.QUOTES_ONLY if answerer else AnsweredBy.LOCAL),
                reader=self.reader,
                clock=lambda: NOW,
                new_id=new_id,
            ),
            check,
        )

    async def says(self, message: str, conversation_id: ConversationId | None = None, zone: tzinfo = UTC) -> Reply:
        """The patient writes; return what comes back."""
        pending = await self.ask.begin(ChatMessage(PATIENT, message, conversation_id, zone, self.mode))
        return await self.ask.finish(pending) if isinstance(pending, AcceptedMessage) else pending
