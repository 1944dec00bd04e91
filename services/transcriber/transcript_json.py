"""Renders transcripts as JSON, with or without the times of their words."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, PlainSerializer

from libs.common.clock import to_json_time
from services.transcriber.domain import Segment, Speaker, Transcript

EXPECTED = 2
"""A therapist and a patient; a third voice may be anybody's."""
JsonTime = Annotated[datetime, PlainSerializer(to_json_time, return_type=str)]


class WordOut(BaseModel):
    """A word as it was recognized, with start and end in seconds."""

    word: str
    start_time: float
    end_time: float
    confidence: float
    speaker: Speaker


class SegmentOut(BaseModel):
    """A speaker's text with start and end in seconds; `id` names it in all versions of the transcript.

    `words`: those whose times are known, only if they were asked for; a correction keeps those it did not change.
    """

    id: int
    speaker: Speaker
    voice: int | None = Field(None, description="The voice by its number, if voices were told apart.")
    text: str
    start_time: float
    end_time: float
    confidence: float = Field(description="Of the text; what a person wrote counts as 1.")
    words: list[WordOut] | None = None


class VoiceOut(BaseModel):
    """A voice by its number (from 1, in order of appearance), who speaks with it, and its share of the speech."""

    voice: int
    speaker: Speaker = Field(description="`unknown` also where segments of one voice have several speakers.")
    share: float
    unexpected: bool = Field(description="Beside the two with most speech there is this voice as well.")


class SourceOut(BaseModel):
    """The vendor and model that transcribed the recording."""

    vendor: str
    model: str


class TranscriptOut(BaseModel):
    """A version of a transcript. `speaker_confidence`: probability (0 to 1) that speakers are correct.

    `recording_complete` is false if the end of the recording is missing.
    """

    id: UUID
    session_id: UUID
    version: int
    language: str
    confidence: float
    speaker_confidence: float
    audio_duration_s: float
    recording_complete: bool
    source: SourceOut
    full_text: str
    voices: list[VoiceOut]
    segments: list[SegmentOut]
    created_at: JsonTime


def as_json(transcript: Transcript, *, with_words: bool = False) -> str:
    """Return the JSON of a transcript."""
    draft = transcript.draft
    # Without validation: what is stored is valid, and there may be thousands.
    out = TranscriptOut.model_construct(
        id=transcript.id,
        session_id=transcript.about.session_id,
        version=transcript.version,
        language=draft.language,
        confidence=round(transcript.confidence, 4),
        speaker_confidence=round(draft.speaker_confidence, 4),
        audio_duration_s=draft.duration_s,
        recording_complete=draft.recording_complete,
        source=SourceOut(vendor=draft.source.vendor, model=draft.source.model),
        full_text=transcript.full_text,
        voices=_voices(draft.segments),
        segments=[_segment(segment, with_words) for segment in draft.segments],
        created_at=transcript.created_at,
    )
    # Only `words` and `voice` can be None: a segment has no such member unless it was asked for, or told apart.
    return out.model_dump_json(exclude_none=True)


def _voices(segments: Sequence[Segment]) -> list[VoiceOut]:
    seconds: dict[int, float] = {}
    speakers: dict[int, set[Speaker]] = {}
    for segment in segments:
        if segment.voice:
            seconds[segment.voice] = seconds.get(segment.voice, 0.0) + segment.end_time - segment.start_time
            speakers.setdefault(segment.voice, set()).add(segment.speaker)
    # Of segments without length none says more than another; the sum must not be zero.
    whole = sum(seconds.values()) or 1.0
    expected = sorted(seconds, key=lambda voice: -seconds[voice])[:EXPECTED]
    return [
        VoiceOut.model_construct(
            voice=voice,
            speaker=next(iter(speakers[voice])) if len(speakers[voice]) == 1 else Speaker.UNKNOWN,
            share=round(seconds[voice] / whole, 4),
            unexpected=voice not in expected,
        )
        for voice in sorted(seconds)
    ]


def _segment(segment: Segment, with_words: bool) -> SegmentOut:
    return SegmentOut.model_construct(
        id=segment.id,
        speaker=segment.speaker,
        voice=segment.voice or None,
        text=segment.text,
        start_time=segment.start_time,
        end_time=segment.end_time,
        confidence=segment.confidence,
        words=_words(segment) if with_words else None,
    )


def _words(segment: Segment) -> list[WordOut]:
    return [
        WordOut.model_construct(
            word=word.text,
            start_time=word.start_s,
            end_time=word.end_s,
            confidence=word.confidence,
            speaker=segment.speaker,
        )
        for word in segment.words
    ]
