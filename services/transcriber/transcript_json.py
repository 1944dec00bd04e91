"""Renders transcripts as JSON, with or without the times of their words."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, PlainSerializer

from libs.common.clock import to_json_time
from services.transcriber.domain import Segment, Speaker, Transcript

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
    text: str
    start_time: float
    end_time: float
    confidence: float = Field(description="Of the text; what a person wrote counts as 1.")
    words: list[WordOut] | None = None


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
        segments=[_segment(segment, with_words) for segment in draft.segments],
        created_at=transcript.created_at,
    )
    # Only `words` can be None: a segment has no such member unless it was asked for.
    return out.model_dump_json(exclude_none=True)


def _segment(segment: Segment, with_words: bool) -> SegmentOut:
    return SegmentOut.model_construct(
        id=segment.id,
        speaker=segment.speaker,
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
