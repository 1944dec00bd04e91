"""Domain model of the index: chunks, passages, questions and hits.

A chunk (about 500 tokens) is stored, shown and cited; its passages (about 120 tokens) are embedded and matched, so that
a citation points at seconds instead of minutes (evals/README.md, "Retrieval").
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.common.derived_ids import derived_id
from libs.common.folded_text import searchable
from libs.contracts.ids import ChunkId, OrganizationId, PatientId, SessionId, TherapistId, TranscriptId

# A speaker with at least this share of the text is dominant; otherwise the text is `mixed`.
DOMINANT_SHARE = 0.9
# What was said before a turn is read with it; more would hide the turn itself.
CONTEXT_CHARS = 300
LANGUAGES_INDEXED = frozenset({"en"})


class Speaker(StrEnum):
    """The role of a speaker. A turn is never `mixed`; a chunk or passage may be."""

    THERAPIST = "therapist"
    PATIENT = "patient"
    UNKNOWN = "unknown"
    MIXED = "mixed"


@dataclass(frozen=True)
class Turn:
    """One speaker's text without a break; times in seconds from the start of the recording."""

    speaker: Speaker
    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Transcript:
    """One version of a session's transcript, in order of time."""

    id: TranscriptId
    session_id: SessionId
    version: int
    language: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class Span:
    """Consecutive turns of one session, with their size in cl100k tokens."""

    turns: tuple[Turn, ...]
    tokens: int

    @property
    def start_s(self) -> float:
        """Return the start of the first turn in seconds."""
        return self.turns[0].start_s

    @property
    def end_s(self) -> float:
        """Return the end of the span in seconds."""
        return max(turn.end_s for turn in self.turns)

    @property
    def text(self) -> str:
        """Return the text to embed and search: one turn per line, without speakers, in the form of a question's."""
        return searchable("\n".join(turn.text for turn in self.turns))

    @property
    def content(self) -> str:
        """Return the text to show and cite: one turn per line, with speakers."""
        return labelled(self.turns)

    @property
    def speaker(self) -> Speaker:
        """Return the dominant speaker or `mixed`."""
        return dominant(self.turns)

    @property
    def content_hash(self) -> bytes:
        """Return the SHA-256 of the text, under which its embedding is stored and reused."""
        return hashlib.sha256(self.text.encode()).digest()


@dataclass(frozen=True)
class Chunk:
    """A citable span and its searchable passages."""

    passages: tuple[Span, ...]

    @property
    def span(self) -> Span:
        """Return the span of all passages."""
        turns = tuple(turn for passage in self.passages for turn in passage.turns)
        return Span(turns, sum(passage.tokens for passage in self.passages))


@dataclass(frozen=True)
class Source:
    """The session and the transcript version of indexed text."""

    organization_id: OrganizationId
    patient_id: PatientId
    therapist_id: TherapistId
    session_id: SessionId
    session_date: datetime
    transcript_id: TranscriptId
    transcript_version: int


@dataclass(frozen=True)
class Model:
    """An embedding model. Vectors of different models are never compared."""

    name: str
    dimension: int


@dataclass(frozen=True)
class ModelsInUse:
    """The model an organization is searched with, and the one whose vectors are collected beside it; None if none."""

    active: str | None = None
    building: str | None = None


@dataclass(frozen=True)
class ClaimedAct:
    """What a model says that a turn does for a commitment: nothing of it is verified. `turn` is its number."""

    turn: int
    speaker: str
    act: str
    quote: str
    due: str | None = None


@dataclass(frozen=True)
class FoundAct:
    """What a turn of an index does for a commitment, and where in its text the words stand that say for when."""

    turn: int
    act: str
    due: tuple[int, int] | None = None


@dataclass(frozen=True)
class Index:
    """The index of one transcript version.

    `found_acts` are those of a model, verified; None where the probabilities of `turn_acts` decide.
    """

    source: Source
    chunks: tuple[Chunk, ...]
    model: Model
    turn_vectors: tuple[Sequence[float], ...] = ()
    turn_acts: tuple[Mapping[str, float], ...] = ()
    found_acts: tuple[FoundAct, ...] | None = None

    @property
    def turns(self) -> tuple[Turn, ...]:
        """Return the turns of all passages, in order of time; `turn_vectors` and `turn_acts` have one each, or none."""
        return tuple(turn for passage in self.passages for turn in passage.turns)

    @property
    def passages(self) -> tuple[Span, ...]:
        """Return the passages of all chunks, in order of time."""
        return tuple(passage for chunk in self.chunks for passage in chunk.passages)


@dataclass(frozen=True)
class Withheld:
    """The reason why a transcript must not be indexed; a result, not an error."""

    reason: str


@dataclass(frozen=True)
class Weights:
    """Weights of the score: `dense` for vectors against text, `neighbour` for the adjacent passages."""

    dense: float = 0.5
    neighbour: float = 0.25


@dataclass(frozen=True)
class Question:
    """A search in one patient's sessions; the date range is half-open."""

    patient_id: PatientId
    text: str
    limit: int
    date_from: datetime | None = None
    date_to: datetime | None = None
    session_ids: tuple[SessionId, ...] | None = None


@dataclass(frozen=True)
class Hit:
    """A matching passage and the chunk to cite.

    `relevance` is the cosine similarity (0 to 1), None without vectors; `score` is comparable within one search only.
    `turn_relevances` has the cosine similarity of each turn, read with what was said before it; empty without vectors.
    `turn_acts` has the probabilities of what each turn does (services/embedder/turn_acts.py), the small ones left out.
    """

    chunk_id: ChunkId
    passage_id: UUID
    session_id: SessionId
    session_date: datetime
    transcript_id: TranscriptId
    passage: Span
    relevance: float | None
    score: float
    turn_relevances: tuple[float, ...] = ()
    turn_acts: tuple[Mapping[str, float], ...] = ()


@dataclass(frozen=True)
class Hits:
    """The hits of one search, best first, and the words of the question that occur nowhere in what was searched.

    `by_vectors`: every passage was compared with the question's vector. `model` is the one the organization has.
    """

    hits: tuple[Hit, ...] = ()
    unknown_words: tuple[str, ...] = ()
    by_vectors: bool = False
    model: str | None = None


@dataclass(frozen=True)
class Found:
    """The result of a search: hits, best first, whether vectors were used, and the question as it was understood.

    `understood_as` has misspelt words mended; `unknown_words` occur nowhere in the sessions; `model` is the one that
    what was searched is of.
    """

    hits: tuple[Hit, ...]
    by_vectors: bool
    understood_as: str
    unknown_words: tuple[str, ...] = ()
    model: str | None = None


def labelled(turns: Iterable[Turn]) -> str:
    """Return the turns as lines of the form `Patient: ...`."""
    return "\n".join(f"{turn.speaker.value.capitalize()}: {turn.text}" for turn in turns)


def dominant(turns: Sequence[Turn]) -> Speaker:
    """Return the speaker of at least DOMINANT_SHARE of the text, else `mixed`, so that no text is misattributed."""
    chars_by_speaker: dict[Speaker, int] = {}
    for turn in turns:
        chars_by_speaker[turn.speaker] = chars_by_speaker.get(turn.speaker, 0) + len(turn.text)
    speaker = max(chars_by_speaker, key=lambda name: chars_by_speaker[name])
    return speaker if chars_by_speaker[speaker] >= DOMINANT_SHARE * sum(chars_by_speaker.values()) else Speaker.MIXED


def chunk_id(transcript_id: TranscriptId, version: int, index: int) -> ChunkId:
    """Return the chunk's id, which is the same on every replay."""
    return ChunkId(derived_id(transcript_id, "chunk", str(version), str(index)))


def passage_id(transcript_id: TranscriptId, version: int, position: int) -> UUID:
    """Return the passage's id, which is the same on every replay; positions count over the whole session."""
    return derived_id(transcript_id, "passage", str(version), str(position))


def in_context(turns: Sequence[Turn]) -> list[str]:
    """Return each turn's text after the end of the one before it: an answer says little without its question."""
    before = ["", *(turn.text[-CONTEXT_CHARS:] for turn in turns)]
    return [searchable(f"{context} {turn.text}").strip() for context, turn in zip(before, turns, strict=False)]
