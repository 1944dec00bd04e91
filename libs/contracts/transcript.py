"""What happens on the way from a recording to words, and what is asked about them."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from libs.common.database.paging import CURSOR_CHARS_MAX, PAGE_DEFAULT, PAGE_MAX
from libs.common.events import Event
from libs.common.visible_text import VISIBLE_WORDS

SEGMENTS_MAX = 20_000
VOICES_MAX = 100
"""A vendor may tell many voices apart; the local models tell four."""
"""Far above what the transcript of a 4-hour recording needs."""
SEGMENT_CHARS_MAX = 10_000
SEGMENT_ID_MAX = 2**31 - 1
VERSION_MAX = 2**31 - 1
SEARCH_CHARS_MAX = 200


# By session: facts of one session are handled one after the other, in the order they were written in.
class _OfTranscript(Event):
    topic: ClassVar[str] = "transcript"
    key_field: ClassVar[str] = "session_id"

    organization_id: UUID
    patient_id: UUID
    session_id: UUID


class TranscriptionStarted(_OfTranscript):
    """A transcription job began its attempt (counted from 1)."""

    type: ClassVar[str] = "transcription.started"

    job_id: UUID
    attempt: int


class TranscriptionProgressed(_OfTranscript):
    """A transcription is at work and has heard a share (0 to 1) of the recording; `remaining_s` is an estimate.

    Before the first one its recording waits for its turn.
    """

    type: ClassVar[str] = "transcription.progressed"

    job_id: UUID
    share: float
    remaining_s: float | None


class RecordingProbed(_OfTranscript):
    """A recording was played by a probe: its length, and whether its end is there.

    `damaged_at_s` is where the first part is that cannot be decoded, if so much of it cannot that it was refused.
    """

    type: ClassVar[str] = "recording.probed"

    duration_s: float
    is_complete: bool
    damaged_at_s: float | None


class TranscriptionFailed(_OfTranscript):
    """A transcription job failed; `reason` is a problem slug."""

    type: ClassVar[str] = "transcription.failed"

    job_id: UUID
    reason: str


class TranscriptReady(_OfTranscript):
    """A session's words exist; `transcript_version` counts from 1."""

    type: ClassVar[str] = "transcript.ready"

    therapist_id: UUID
    session_date: datetime
    transcript_id: UUID
    transcript_version: int
    language: str
    audio_duration_s: float


class TranscriptUpdated(_OfTranscript):
    """A correction made a new version of a session's words."""

    type: ClassVar[str] = "transcript.updated"

    therapist_id: UUID
    session_date: datetime
    transcript_id: UUID
    transcript_version: int
    language: str
    audio_duration_s: float


class TranscriptWithheld(_OfTranscript):
    """There is no transcript, and that is right: consent ended, or the language is not supported."""

    type: ClassVar[str] = "transcript.withheld"

    reason: str


class TranscriptQuery(BaseModel):
    """Which version of a transcript, and how much of it."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    version: int | None = Field(None, ge=1, le=VERSION_MAX, description="The newest, when left out.")
    words: bool = Field(False, description="With the times of words, where they are known (JSON only).")


class TranscriptSearch(BaseModel):
    """What to find in the transcripts of a patient, as one writes it in searches of the web."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    q: str = Field(
        min_length=1,
        max_length=SEARCH_CHARS_MAX,
        pattern=r"^[^\x00]*[^\s\x00][^\x00]*$",
        description='Words, also with another ending (`sleeps`), all in one segment; `"a phrase"`, `or`, `-not`.',
        examples=["sleep"],
    )
    limit: int = Field(PAGE_DEFAULT, ge=1, le=PAGE_MAX)
    cursor: str | None = Field(None, max_length=CURSOR_CHARS_MAX)


class SegmentChange(BaseModel):
    """A segment by its id and what becomes of it: another text, another speaker or both, or it is deleted."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    id: int = Field(ge=1, le=SEGMENT_ID_MAX)
    speaker: Literal["therapist", "patient", "unknown"] | None = None
    text: (
        Annotated[
            str,
            Field(min_length=1, max_length=SEGMENT_CHARS_MAX, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$"),
            VISIBLE_WORDS,
        ]
        | None
    ) = None
    deleted: bool = Field(False, description="The segment is deleted, and neither text nor speaker given.")

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.deleted == (self.text is not None or self.speaker is not None):
            raise PydanticCustomError("no_change", "Give a text, a speaker or both, or `deleted` alone.")
        return self


class VoiceNaming(BaseModel):
    """Who speaks with a voice: all segments of it that are not named one by one."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    voice: int = Field(ge=1, le=VOICES_MAX)
    speaker: Literal["therapist", "patient", "unknown"]


class CorrectionRequest(BaseModel):
    """The segments to change and the voices to name; those that are left out stay as they are."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    segments: list[SegmentChange] = Field(default_factory=list, max_length=SEGMENTS_MAX)
    voices: list[VoiceNaming] = Field(default_factory=list, max_length=VOICES_MAX)

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.segments and not self.voices:
            raise PydanticCustomError("no_change", "Give segments to change, voices to name, or both.")
        return self
