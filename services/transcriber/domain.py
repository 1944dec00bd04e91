"""What a transcript is and how words become turns; who said them is decided in roles.py."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from libs.contracts.ids import JobId, OrganizationId, PatientId, SessionId, TherapistId, TranscriptId

SUPPORTED_LANGUAGE = "en"
LANGUAGE_SURE = 0.8
"""Below this probability a recognizer's own idea of the language does not overrule what the upload said."""
PAUSE_MAX_S = 2.0
"""A silence of one speaker longer than this starts a new segment."""
SEGMENT_MAX_S = 45.0
SEGMENT_WORDS_MIN = 4
"""A long turn is cut at the next end of a sentence, but never to fewer words than this."""


class Speaker(StrEnum):
    """Who speaks, as far as it is known."""

    THERAPIST = "therapist"
    PATIENT = "patient"
    UNKNOWN = "unknown"


class Withheld(StrEnum):
    """Why there is no transcript, and rightly so."""

    CONSENT = "consent-revoked"
    LANGUAGE = "language-unsupported"


class JobStatus(StrEnum):
    """Where a transcription job stands. `withheld`: it ended without words, and that is right."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    WITHHELD = "withheld"


@dataclass(frozen=True)
class Source:
    """Which vendor and model heard the words."""

    vendor: str
    model: str


@dataclass(frozen=True)
class Word:
    """One word with its seconds, how sure the recognizer is (0 to 1), and whose voice it is (None: not told)."""

    text: str
    start_s: float
    end_s: float
    confidence: float
    voice: int | None


@dataclass(frozen=True)
class Speech:
    """What a recognizer heard: words in order of time, voices numbered but not yet named."""

    words: tuple[Word, ...]
    language: str
    language_confidence: float
    duration_s: float
    source: Source


@dataclass(frozen=True)
class Segment:
    """One speaker's words without a long pause."""

    speaker: Speaker
    text: str
    start_time: float
    end_time: float
    confidence: float


@dataclass(frozen=True)
class About:
    """Whose session a transcript is of."""

    organization_id: OrganizationId
    patient_id: PatientId
    therapist_id: TherapistId
    session_id: SessionId
    session_date: datetime


@dataclass(frozen=True)
class Draft:
    """The words of a session before they have an id."""

    segments: tuple[Segment, ...]
    language: str
    speaker_confidence: float
    duration_s: float
    source: Source


@dataclass(frozen=True)
class Transcript:
    """One version of a session's words; a correction makes the next."""

    id: TranscriptId
    about: About
    version: int
    draft: Draft
    created_at: datetime

    @property
    def full_text(self) -> str:
        """All words in order, one segment a line, without speakers."""
        return "\n".join(segment.text for segment in self.draft.segments)

    @property
    def confidence(self) -> float:
        """Mean confidence of the words, weighted by their number."""
        weights = [len(segment.text.split()) for segment in self.draft.segments]
        total = sum(weights)
        if not total:
            return 0.0
        return sum(s.confidence * w for s, w in zip(self.draft.segments, weights, strict=True)) / total


@dataclass(frozen=True)
class Job:
    """The work on one recording: how often it was tried, how far it is, what went wrong last (a problem slug)."""

    id: JobId
    session_id: SessionId
    status: JobStatus
    attempts: int
    progress: float
    last_error: str | None
    created_at: datetime
    started_at: datetime
    finished_at: datetime | None


def is_supported(language: str) -> bool:
    """Tell whether a language tag (BCP 47) names a language that may be indexed."""
    return language.lower().replace("_", "-").partition("-")[0] == SUPPORTED_LANGUAGE


def heard_other_language(speech: Speech) -> bool:
    """Tell whether the recognizer is sure to have heard a language that is not supported."""
    return speech.language_confidence >= LANGUAGE_SURE and not is_supported(speech.language)


def draft_of(speech: Speech, speakers: Mapping[int, Speaker], speaker_confidence: float) -> Draft:
    """Merge words into segments under the given names of the voices."""
    segments = tuple(_segment(words, speakers) for words in _turns(speech.words))
    return Draft(segments, speech.language, speaker_confidence, speech.duration_s, speech.source)


def corrected(transcript: Transcript, segments: Sequence[Segment], at: datetime) -> Transcript:
    """Return the next version with these segments instead; a person's word is certain about the speakers."""
    draft = replace(transcript.draft, segments=tuple(segments), speaker_confidence=1.0)
    return replace(transcript, version=transcript.version + 1, draft=draft, created_at=at)


def with_speakers_swapped(transcript: Transcript, at: datetime) -> Transcript:
    """Return the next version with therapist and patient exchanged."""
    swapped = [replace(s, speaker=_OTHER[s.speaker]) for s in transcript.draft.segments]
    return corrected(transcript, swapped, at)


def validation_errors(segments: Sequence[Segment], duration_s: float) -> Iterator[tuple[int, str]]:
    """Yield (index, sentence) for each segment that cannot be: times that run backwards or past the end."""
    for index, segment in enumerate(segments):
        if segment.end_time < segment.start_time:
            yield index, "A segment must not end before it starts."
        if segment.end_time > duration_s + 1.0:
            yield index, "A segment must end within the recording."
    for index, (before, after) in enumerate(pairwise(segments), start=1):
        if after.start_time < before.start_time:
            yield index, "Segments must be in order of time."


_OTHER = {
    Speaker.THERAPIST: Speaker.PATIENT,
    Speaker.PATIENT: Speaker.THERAPIST,
    Speaker.UNKNOWN: Speaker.UNKNOWN,
}


def _turns(words: Sequence[Word]) -> Iterator[list[Word]]:
    turn: list[Word] = []
    for word in words:
        if turn and _starts_new_turn(turn, word):
            yield turn
            turn = []
        turn.append(word)
    if turn:
        yield turn


def _starts_new_turn(turn: Sequence[Word], word: Word) -> bool:
    last = turn[-1]
    if word.voice != last.voice or word.start_s - last.end_s > PAUSE_MAX_S:
        return True
    long = word.end_s - turn[0].start_s > SEGMENT_MAX_S and len(turn) >= SEGMENT_WORDS_MIN
    return long and last.text.rstrip("\"'").endswith((".", "?", "!"))


def _segment(words: Sequence[Word], speakers: Mapping[int, Speaker]) -> Segment:
    voice = words[0].voice
    return Segment(
        speaker=Speaker.UNKNOWN if voice is None else speakers.get(voice, Speaker.UNKNOWN),
        text=" ".join(word.text for word in words),
        start_time=round(words[0].start_s, 3),
        end_time=round(max(word.end_s for word in words), 3),
        confidence=round(sum(word.confidence for word in words) / len(words), 4),
    )
