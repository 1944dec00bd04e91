"""What is indexed and how it is found again, as plain values.

A chunk (about 500 tokens) is what is stored, shown and cited; the passages inside it (about 120 tokens) are what is
embedded and matched, so that a citation points at seconds and not at minutes (evals/README.md, "Retrieval").
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.common.ids import derived_id
from libs.contracts.ids import ChunkId, OrganizationId, PatientId, SessionId, TherapistId, TranscriptId

# Above this share of the words a speaker is dominant; below it the text is `mixed` and belongs to nobody.
DOMINANT_SHARE = 0.9
LANGUAGES_INDEXED = frozenset({"en"})


class Speaker(StrEnum):
    """Who said it. A turn is never `mixed`; a chunk or passage may be."""

    THERAPIST = "therapist"
    PATIENT = "patient"
    UNKNOWN = "unknown"
    MIXED = "mixed"


@dataclass(frozen=True)
class Turn:
    """Words of one speaker without a break; seconds count from the start of the recording."""

    speaker: Speaker
    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Transcript:
    """One version of a session's words, in the order they were said."""

    id: TranscriptId
    session_id: SessionId
    version: int
    language: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class Span:
    """Consecutive turns of one session with their size in cl100k tokens."""

    turns: tuple[Turn, ...]
    tokens: int

    @property
    def start_s(self) -> float:
        """Return when the first turn begins."""
        return self.turns[0].start_s

    @property
    def end_s(self) -> float:
        """Return when the last word of the span ends."""
        return max(turn.end_s for turn in self.turns)

    @property
    def text(self) -> str:
        """Return the words alone, a turn a line: what is embedded and searched."""
        return "\n".join(turn.text for turn in self.turns)

    @property
    def content(self) -> str:
        """Return the words with their speakers, a turn a line: what is shown and cited."""
        return labelled(self.turns)

    @property
    def speaker(self) -> Speaker:
        """Return who speaks here: the dominant speaker or `mixed`."""
        return dominant(self.turns)

    @property
    def content_hash(self) -> bytes:
        """Return SHA-256 of the words: the same words keep their embedding."""
        return hashlib.sha256(self.text.encode()).digest()


@dataclass(frozen=True)
class Chunk:
    """A span that is cited, and the passages inside it that are matched."""

    passages: tuple[Span, ...]

    @property
    def span(self) -> Span:
        """Return all turns of all passages."""
        turns = tuple(turn for passage in self.passages for turn in passage.turns)
        return Span(turns, sum(passage.tokens for passage in self.passages))


@dataclass(frozen=True)
class Source:
    """Whose words these are and from which version of which transcript."""

    organization_id: OrganizationId
    patient_id: PatientId
    therapist_id: TherapistId
    session_id: SessionId
    session_date: datetime
    transcript_id: TranscriptId
    transcript_version: int


@dataclass(frozen=True)
class Model:
    """An embedding model: vectors of different models are never compared."""

    name: str
    dimension: int


@dataclass(frozen=True)
class Index:
    """Everything `record` needs to make one transcript version searchable."""

    source: Source
    chunks: tuple[Chunk, ...]
    model: Model

    @property
    def passages(self) -> tuple[Span, ...]:
        """Return the passages of all chunks in order of time."""
        return tuple(passage for chunk in self.chunks for passage in chunk.passages)


@dataclass(frozen=True)
class Withheld:
    """Nothing may be indexed, and why: a fact, not an error."""

    reason: str


@dataclass(frozen=True)
class Weights:
    """How evidence is mixed: `dense` of the vectors against the words, `neighbour` from the passages beside."""

    dense: float = 0.5
    neighbour: float = 0.25


@dataclass(frozen=True)
class Question:
    """What is searched for, in whose sessions, and when; the window is half-open."""

    patient_id: PatientId
    text: str
    limit: int
    date_from: datetime | None = None
    date_to: datetime | None = None
    session_ids: tuple[SessionId, ...] | None = None


@dataclass(frozen=True)
class Hit:
    """A passage that answers, inside the chunk that is cited.

    `relevance` is the cosine similarity (0 to 1), None without vectors; `score` orders the hits of one search only.
    """

    chunk_id: ChunkId
    passage_id: UUID
    session_id: SessionId
    session_date: datetime
    transcript_id: TranscriptId
    passage: Span
    relevance: float | None
    score: float


@dataclass(frozen=True)
class Found:
    """The answer to a question: best hits first, and whether vectors took part."""

    hits: tuple[Hit, ...]
    by_vectors: bool


def labelled(turns: Iterable[Turn]) -> str:
    """Return the turns as lines `Patient: ...`."""
    return "\n".join(f"{turn.speaker.value.capitalize()}: {turn.text}" for turn in turns)


def dominant(turns: Sequence[Turn]) -> Speaker:
    """Return the speaker of nearly all the words, else `mixed`: a mixed text is never put into one mouth."""
    said: dict[Speaker, int] = {}
    for turn in turns:
        said[turn.speaker] = said.get(turn.speaker, 0) + len(turn.text)
    speaker = max(said, key=lambda name: said[name])
    return speaker if said[speaker] >= DOMINANT_SHARE * sum(said.values()) else Speaker.MIXED


def chunk_id(transcript_id: TranscriptId, version: int, index: int) -> ChunkId:
    """Return the id that this chunk has on every replay."""
    return ChunkId(derived_id(transcript_id, "chunk", str(version), str(index)))


def passage_id(transcript_id: TranscriptId, version: int, position: int) -> UUID:
    """Return the id that this passage has on every replay; positions count over the whole session."""
    return derived_id(transcript_id, "passage", str(version), str(position))
