"""Domain model of transcripts: merges words into segments. Speaker roles are assigned in roles.py."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from libs.contracts.ids import JobId, OrganizationId, PatientId, SessionId, TherapistId, TranscriptId

SUPPORTED_LANGUAGE = "en"
LANGUAGE_SURE = 0.8
"""Below this probability the detected language does not override the language given in the upload."""
PAUSE_MAX_S = 2.0
"""A silence of one speaker longer than this starts a new segment."""
SEGMENT_MAX_S = 45.0
SEGMENT_WORDS_MIN = 4
"""A turn longer than SEGMENT_MAX_S is cut at the next end of a sentence, but never to fewer words than this."""

SPEECH_MIN_S = 1.0
"""Less speech than this, a "Bye." in the hall, is no session."""


class Speaker(StrEnum):
    """The role of a speaker."""

    THERAPIST = "therapist"
    PATIENT = "patient"
    UNKNOWN = "unknown"


class Withheld(StrEnum):
    """Why there is no transcript, although nothing failed."""

    CONSENT = "consent-revoked"
    LANGUAGE = "language-unsupported"


class JobStatus(StrEnum):
    """The status of a transcription job. `withheld`: it ended without a transcript, but did not fail."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    WITHHELD = "withheld"


@dataclass(frozen=True)
class Source:
    """The vendor and model that transcribed the recording."""

    vendor: str
    model: str


@dataclass(frozen=True)
class Word:
    """A word with its times in seconds, its confidence (0 to 1), and its voice number (None: not diarized)."""

    text: str
    start_s: float
    end_s: float
    confidence: float
    voice: int | None


@dataclass(frozen=True)
class Speech:
    """The result of a recognizer: words in order of time, with numbered voices that have no role yet."""

    words: tuple[Word, ...]
    language: str
    language_confidence: float
    duration_s: float
    source: Source
    is_complete: bool = True
    """False if the end of the recording is missing."""
    voices_confidence: float = 1.0
    """How sure it is that there are so many voices (0.5 to 1); 1 if the vendor does not say."""


@dataclass(frozen=True)
class Segment:
    """A speaker's text without a long pause; times in seconds."""

    speaker: Speaker
    text: str
    start_time: float
    end_time: float
    confidence: float
    id: int = 0
    """Names the segment in all versions of its transcript."""
    voice: int = 0
    """The number of the voice from 1, in order of appearance; 0 if voices were not told apart."""
    words: tuple[Word, ...] = ()
    """Those whose times are known; empty if they were not asked for, or if no times were kept."""


@dataclass(frozen=True)
class About:
    """The session of a transcript and its parties."""

    organization_id: OrganizationId
    patient_id: PatientId
    therapist_id: TherapistId
    session_id: SessionId
    session_date: datetime


@dataclass(frozen=True)
class Draft:
    """A transcript without an id."""

    segments: tuple[Segment, ...]
    language: str
    speaker_confidence: float
    duration_s: float
    source: Source
    recording_complete: bool = True


@dataclass(frozen=True)
class Transcript:
    """One version of a session's transcript; a correction creates the next."""

    id: TranscriptId
    about: About
    version: int
    draft: Draft
    created_at: datetime

    @property
    def full_text(self) -> str:
        """Return the text of all segments, one per line, without speakers."""
        return "\n".join(segment.text for segment in self.draft.segments)

    @property
    def confidence(self) -> float:
        """Return the mean confidence of the segments, weighted by their number of words."""
        weights = [len(segment.text.split()) for segment in self.draft.segments]
        total = sum(weights)
        if not total:
            return 0.0
        return sum(s.confidence * w for s, w in zip(self.draft.segments, weights, strict=True)) / total


@dataclass(frozen=True)
class Job:
    """A transcription job: attempts, progress (0 to 1), and last error (a problem slug)."""

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
    """Return True if a language tag (BCP 47) names a supported language."""
    return language.lower().replace("_", "-").partition("-")[0] == SUPPORTED_LANGUAGE


def heard_other_language(speech: Speech) -> bool:
    """Return True if the recognizer detected an unsupported language with a probability of LANGUAGE_SURE or more."""
    return speech.language_confidence >= LANGUAGE_SURE and not is_supported(speech.language)


def has_speech(speech: Speech) -> bool:
    """Return True if words of SPEECH_MIN_S or more were recognized."""
    return sum(word.end_s - word.start_s for word in speech.words) >= SPEECH_MIN_S


def draft_of(speech: Speech, speakers: Mapping[int, Speaker], speaker_confidence: float) -> Draft:
    """Merge words into segments with the given roles of the voices."""
    turns = enumerate(_turns(speech.words), start=1)
    segments = tuple(_segment(number, words, speakers) for number, words in turns)
    return Draft(segments, speech.language, speaker_confidence, speech.duration_s, speech.source, speech.is_complete)


def corrected(transcript: Transcript, segments: Sequence[Segment], speaker_sure: float, at: datetime) -> Transcript:
    """Return the next version with the given segments and speaker confidence."""
    draft = replace(transcript.draft, segments=tuple(segments), speaker_confidence=speaker_sure)
    return replace(transcript, version=transcript.version + 1, draft=draft, created_at=at)


def with_speakers_swapped(transcript: Transcript, at: datetime) -> Transcript:
    """Return the next version with therapist and patient swapped; a person knows who they are, so it is sure.

    Where nobody is known, nothing is swapped, and nothing is surer than before.
    """
    segments = transcript.draft.segments
    swapped = [replace(s, speaker=_OTHER[s.speaker]) for s in segments]
    is_known = any(s.speaker is not Speaker.UNKNOWN for s in segments)
    return corrected(transcript, swapped, 1.0 if is_known else transcript.draft.speaker_confidence, at)


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
    # Cut at a sentence only: what is cited later must read as something that was said.
    long = word.end_s - turn[0].start_s > SEGMENT_MAX_S and len(turn) >= SEGMENT_WORDS_MIN
    return long and last.text.rstrip("\"'").endswith((".", "?", "!"))


def _segment(number: int, words: Sequence[Word], speakers: Mapping[int, Speaker]) -> Segment:
    voice = words[0].voice
    return Segment(
        speaker=Speaker.UNKNOWN if voice is None else speakers.get(voice, Speaker.UNKNOWN),
        text=" ".join(word.text for word in words),
        start_time=round(words[0].start_s, 3),
        # Not the last word's: recognizers give overlapping times.
        end_time=round(max(word.end_s for word in words), 3),
        confidence=round(sum(word.confidence for word in words) / len(words), 4),
        id=number,
        voice=0 if voice is None else voice + 1,
        words=tuple(words),
    )
