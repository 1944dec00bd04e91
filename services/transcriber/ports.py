"""What the handlers need from outside."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from libs.common.database.paging import Page
from libs.common.database.transaction import Transaction
from libs.contracts.audit import AuditEntry, AuditQuery
from libs.contracts.consent import ConsentRevoked
from libs.contracts.ids import JobId, PatientId, SessionId, TherapistId
from libs.contracts.purposes import Purpose
from services.transcriber.domain import About, Job, JobStatus, Source, Speech, Transcript

Progress = Callable[[float], None]
"""Called with the share done (0 to 1), from any thread, as often as the vendor likes."""


class ByteSource(Protocol):
    """A recording as bytes in the clear, in memory only; each iteration reads it again from the start."""

    def __aiter__(self) -> AsyncGenerator[bytes, None]:
        """Start reading from the first byte; close it to stop early."""


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


class Consents(Protocol):
    """The consent service."""

    async def hold(self, patient_id: PatientId, therapist_id: TherapistId, purposes: Sequence[Purpose]) -> None:
        """Return if all purposes may be pursued now; raise AppError(CONSENT_REQUIRED) if not."""


class Recordings(Protocol):
    """Recordings as ingestion keeps them."""

    async def key_of(self, session_id: SessionId) -> RecordingKey:
        """Return what opens a session's recording; ingestion asks consent first and may refuse."""

    def open(self, key: RecordingKey) -> ByteSource:
        """Return the decrypted content; reading it raises AppError when it is not what was stored."""


class Transcripts(Protocol):
    """Where jobs, transcripts and vendors' answers are kept. Every read sees only what consent and capability allow."""

    async def begin_job(self, tx: Transaction, about: About, job_id: JobId) -> int:
        """Note that an attempt begins; return its number, from 1."""

    async def move_job(self, tx: Transaction, job_id: JobId, status: JobStatus, error: str | None = None) -> None:
        """Note where a job stands; `error` is a problem slug."""

    async def note_progress(self, tx: Transaction, job_id: JobId, share: float) -> None:
        """Note how far a running job is (0 to 1)."""

    async def job(self, tx: Transaction, session_id: SessionId) -> Job | None:
        """Return a session's newest job."""

    async def keep_speech(self, tx: Transaction, about: About, fingerprint: bytes, speech: Speech) -> None:
        """Keep a vendor's answer. Raises AppError(CONSENT_REQUIRED) when consent ended while it listened."""

    async def kept_speech(self, tx: Transaction, session_id: SessionId, fingerprint: bytes) -> Speech | None:
        """Return what was kept for exactly this request."""

    async def drop_speech(self, tx: Transaction, session_id: SessionId) -> None:
        """Forget what vendors answered about a session."""

    async def add(self, tx: Transaction, transcript: Transcript) -> bool:
        """Add a version; False when that version exists. Raises AppError(CONSENT_REQUIRED) without consent."""

    async def newest(self, tx: Transaction, session_id: SessionId) -> Transcript | None:
        """Return the newest version of a session's words; None without one, or without consent."""

    async def is_erased(self, tx: Transaction, patient_id: PatientId | None, session_id: SessionId) -> bool:
        """Tell whether the session, or the patient if one is named, was erased."""


class Withdrawals(Protocol):
    """Notes what is to be deleted later."""

    async def withdraw(self, tx: Transaction, event: ConsentRevoked, delete_after: datetime) -> None:
        """Note from when on the words under this consent are to be deleted; they are hidden already."""


class Release(StrEnum):
    """Why words leave."""

    READ = "read"
    CORRECT = "correct"


class Audit(Protocol):
    """The record of who was given which words."""

    async def note(self, tx: Transaction, transcript: Transcript, release: Release) -> None:
        """Write that these words are about to leave; what cannot be written does not leave."""

    async def page(self, wanted: AuditQuery) -> Page[AuditEntry]:
        """Return rows, newest first."""


class Transactions(Protocol):
    """Opens transactions under the capability that is held."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Open one; it commits on leaving and rolls back on an error."""
