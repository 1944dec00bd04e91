"""What the handlers need from the world."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from libs.contracts.ids import PatientId, SessionId, TherapistId
from services.transcriber.domain import About, Source, Speech

Progress = Callable[[float], None]
"""Called with the share done (0 to 1), from any thread, as often as the vendor likes."""


class ByteSource(Protocol):
    """A recording as bytes in the clear, in memory only; each iteration reads it again from the start."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Start reading from the first byte."""


@dataclass(frozen=True)
class Audio:
    """A recording to listen to and what is known about it."""

    content: ByteSource
    media_type: str
    language: str
    duration_s: float | None = None


class SpeechToText(Protocol):
    """Hears words and tells voices apart."""

    @property
    def source(self) -> Source:
        """The vendor and model that will listen."""

    @property
    def options(self) -> Mapping[str, str]:
        """What else decides the result; part of the fingerprint under which a result is kept."""

    async def transcribe(self, audio: Audio, progress: Progress) -> Speech:
        """Listen to the whole recording.

        Raises AppError: retryable for outages and limits; not retryable for a refusal or an unreadable recording.
        Its detail never repeats a vendor's text.
        """


@dataclass(frozen=True)
class RecordingKey:
    """Where a recording is and what opens it. Never shown: the keyset is a secret."""

    object_name: str
    media_type: str
    size_bytes: int
    content_sha256: str
    keyset: bytes = field(repr=False)
    associated_data: bytes = field(repr=False)


class Consent(Protocol):
    """The consent service."""

    async def allows_transcription(self, patient_id: PatientId, therapist_id: TherapistId) -> bool:
        """Ask whether recording and transcription are both in force. Raises AppError when it cannot be asked."""


class Recordings(Protocol):
    """Recordings as ingestion keeps them."""

    async def key_of(self, session_id: SessionId) -> RecordingKey | None:
        """Return the recording's key, None when ingestion refuses it for want of consent."""

    def open(self, key: RecordingKey) -> ByteSource:
        """Return the decrypted content; reading it raises AppError when it is not what was stored."""


@dataclass(frozen=True)
class Purchase:
    """A vendor's answer to exactly this request: kept so that a crash never buys it twice."""

    about: About
    fingerprint: str
