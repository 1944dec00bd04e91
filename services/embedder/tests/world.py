"""A small world for the embedder's tests: people, words, and fakes of everything a handler needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from libs.common.database.transaction import Transaction
from libs.common.errors import NOT_FOUND, AppError
from libs.common.ids import new_id
from libs.contracts.consent import ConsentRevoked
from libs.contracts.ids import OrganizationId, PatientId, SessionId, TherapistId, TranscriptId
from libs.contracts.problems import CONSENT_REQUIRED
from libs.contracts.purposes import Purpose
from libs.contracts.transcript import TranscriptReady, TranscriptUpdated
from libs.sentences.head import Head
from libs.sentences.minilm import DIMENSION
from services.embedder.chunking import chunks_of
from services.embedder.domain import Hit, Hits, Index, Model, ModelsInUse, Question, Source, Speaker, Transcript, Turn
from services.embedder.ports import Vector
from services.embedder.turn_acts import Act, features

MODEL = Model("letters", 26)
SESSION_DATE = datetime(2026, 10, 5, 9, 30, tzinfo=UTC)
NO_TRANSACTION = cast(Transaction, None)

DIALOGUE = (
    (Speaker.THERAPIST, "How did the evening walks go since we last met?"),
    (Speaker.PATIENT, "I went three times. My sister Anna came along on Sunday, and it was easier to talk."),
    (Speaker.THERAPIST, "What made it easier?"),
    (Speaker.PATIENT, "We did not look at each other. I could say that I am afraid of the job interview."),
    (Speaker.THERAPIST, "Then let us keep the walks, and write down one worry before you go to bed."),
)


def words(text: str) -> int:
    """Count words: a stand-in for tokens that a reader can check."""
    return len(text.split())


def dialogue(*, repeats: int = 1, start_s: float = 0.0) -> tuple[Turn, ...]:
    """Return the dialogue with times, again and again with a number so that no two turns are the same."""
    turns: list[Turn] = []
    at = start_s
    for number in range(repeats):
        for speaker, text in DIALOGUE:
            # Of different lengths, as people speak: cuts find the same places again after a correction.
            more = " And so it went on." * (number * 7 % 5)
            turns.append(Turn(speaker, text if repeats == 1 else f"{text} Part {number}.{more}", at, at + 5.0))
            at += 7.0
    return tuple(turns)


def source(*, version: int = 1) -> Source:
    """Return a new session of new people."""
    return Source(
        organization_id=OrganizationId(new_id()),
        patient_id=PatientId(new_id()),
        therapist_id=TherapistId(new_id()),
        session_id=SessionId(new_id()),
        session_date=SESSION_DATE,
        transcript_id=TranscriptId(new_id()),
        transcript_version=version,
    )


def index_of(whose: Source, turns: Sequence[Turn], model: Model = MODEL) -> Index:
    """Return the index of these turns."""
    return Index(whose, chunks_of(turns, words), model)


def transcript_of(whose: Source, turns: Sequence[Turn]) -> Transcript:
    """Return the transcript as the transcriber would give it."""
    return Transcript(whose.transcript_id, whose.session_id, whose.transcript_version, "en", tuple(turns))


def ready(whose: Source, *, language: str = "en") -> TranscriptReady:
    """Return the event that a session's words exist."""
    return TranscriptReady(**_facts(whose, language))


def updated(whose: Source) -> TranscriptUpdated:
    """Return the event that a session's words were corrected."""
    return TranscriptUpdated(**_facts(whose, "en"))


def revoked(whose: Source, purpose: Purpose = Purpose.AI_ANALYSIS) -> ConsentRevoked:
    """Return the event that a consent ended."""
    return ConsentRevoked(
        organization_id=whose.organization_id,
        patient_id=whose.patient_id,
        therapist_id=whose.therapist_id,
        consent_id=new_id(),
        consent_type=purpose,
    )


def _facts(whose: Source, language: str) -> dict[str, Any]:
    return {
        "organization_id": whose.organization_id,
        "patient_id": whose.patient_id,
        "therapist_id": whose.therapist_id,
        "session_id": whose.session_id,
        "session_date": whose.session_date,
        "transcript_id": whose.transcript_id,
        "transcript_version": whose.transcript_version,
        "language": language,
        "audio_duration_s": 60.0,
    }


class LetterEmbedder:
    """Counts letters: like texts get like vectors, and every text that was paid for is remembered."""

    def __init__(self) -> None:
        self.bought: list[str] = []
        self.fails_with: AppError | None = None

    @property
    def model(self) -> Model:
        """Return whose vectors these are."""
        return MODEL

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return letter counts."""
        if self.fails_with:
            raise self.fails_with
        self.bought.extend(texts)
        return [[text.lower().count(chr(97 + letter)) + 0.01 for letter in range(26)] for text in texts]


class FakeTurnEncoder:
    """Counts letters in vectors as wide as the local model's, and remembers what it read."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def knows(self, word: str) -> bool:
        """Know the words of the dialogue."""
        return any(word in text.lower() for _, text in DIALOGUE)

    async def encode(self, texts: Sequence[str]) -> list[Vector]:
        """Return letter counts, and next to nothing in the other dimensions."""
        self.read.extend(texts)
        return [[text.lower().count(chr(97 + place)) + 0.01 for place in range(DIMENSION)] for text in texts]


def no_acts() -> Head:
    """Return a head that sees no act in any turn."""
    width = len(features([Turn(Speaker.PATIENT, "", 0, 1)], [[0.0] * DIMENSION])[0])
    return Head((Act.NONE.value, Act.ASSIGN.value), ((0.0,) * width,) * 2, (9.0, 0.0))


class FakeDerived:
    """Keeps the indexes of which more was to be made."""

    def __init__(self) -> None:
        self.added: list[Index] = []

    async def add(self, tx: Transaction, index: Index) -> None:
        """Keep the index."""
        self.added.append(index)


@dataclass
class FakeConsents:
    """Consent that is in force until it is not."""

    granted: bool = True
    revoked: set[Purpose] = field(default_factory=set)

    async def hold(self, patient_id: PatientId, therapist_id: TherapistId, purpose: Purpose) -> None:
        """Refuse as the consent service does."""
        if not self.granted or purpose in self.revoked:
            raise AppError(CONSENT_REQUIRED, "No consent for AI analysis is in force.")


@dataclass
class FakeTranscripts:
    """The transcriber with one transcript."""

    transcript: Transcript
    is_hidden: bool = False

    async def current(self, session_id: SessionId) -> Transcript:
        """Return it, unless the database hides it."""
        if self.is_hidden:
            raise AppError(NOT_FOUND, "There is no such transcript.")
        return self.transcript


@dataclass
class FakeIndexRepository:
    """The index in memory, with the same promise about versions as the tables."""

    vectors: dict[bytes, Vector] = field(default_factory=dict)
    index: Index | None = None
    delete_after: datetime | None = None
    asked: list[tuple[Question, Vector | None]] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    unknown_words: tuple[str, ...] = ()
    vocabulary: dict[str, int] = field(default_factory=dict)
    models: ModelsInUse = field(default_factory=ModelsInUse)
    bought: dict[str, dict[bytes, Vector]] = field(default_factory=dict)
    compared_with: list[str] = field(default_factory=list)

    async def embedded_hashes(self, source: Source, model: Model) -> set[bytes]:
        """Return the hashes that have a vector of this model."""
        return set(self.bought.get(model.name, {}))

    async def add_vectors(self, source: Source, model: Model, vectors: Mapping[bytes, Vector]) -> None:
        """Keep vectors."""
        self.vectors.update(vectors)
        self.bought.setdefault(model.name, {}).update(vectors)

    async def replace(self, tx: Transaction, index: Index) -> bool:
        """Replace the index unless a newer version is there."""
        if self.index and self.index.source.transcript_version > index.source.transcript_version:
            return False
        self.index = index
        return True

    async def withdraw(self, tx: Transaction, event: ConsentRevoked, delete_after: datetime) -> None:
        """Note the deletion."""
        self.delete_after = delete_after

    async def search(
        self, question: Question, model: Model, vector: Vector | None, turn_vector: Vector | None = None
    ) -> Hits:
        """Return the prepared hits."""
        self.asked.append((question, vector))
        self.compared_with.append(model.name)
        unknown = tuple(word for word in self.unknown_words if word in question.text.lower())
        in_use = self.models.active or model.name
        return Hits(tuple(self.hits), unknown, vector is not None and model.name == in_use, in_use)

    async def models_in_use(self) -> ModelsInUse:
        """Return the prepared models."""
        return self.models

    async def spoken(self, question: Question) -> Mapping[str, int]:
        """Return the words of the prepared vocabulary."""
        return self.vocabulary
