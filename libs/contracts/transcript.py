"""What happens on the way from a recording to words."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from libs.common.events import Event


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
