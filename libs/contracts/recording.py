"""What happens to a recording: bytes that came in, encrypted and kept."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from libs.common.events import Event


class RecordingUploaded(Event):
    """A recording is stored whole and encrypted; its session may go on to transcription."""

    type: ClassVar[str] = "recording.uploaded"
    topic: ClassVar[str] = "recording"
    key_field: ClassVar[str] = "session_id"

    organization_id: UUID
    patient_id: UUID
    therapist_id: UUID
    session_id: UUID
    recording_id: UUID
    session_date: datetime
    media_type: str
    size_bytes: int
    content_sha256: str
    duration_s: float | None
    language: str
