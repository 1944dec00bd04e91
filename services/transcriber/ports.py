"""Interfaces to the stores, services and vendors that the handlers use."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from libs.common.database.paging import Page
from libs.common.database.transaction import Transaction
from libs.contracts.audit import AuditEntry, AuditQuery
from libs.contracts.consent import ConsentRevoked
from libs.contracts.ids import JobId, PatientId, SessionId, TherapistId, TranscriptId
from libs.contracts.purposes import Purpose
from libs.media.recording import Probe
from services.transcriber.domain import About, Job, JobStatus, Source, Speech, Transcript

Progress = Callable[[float], None]
"""Called with the progress (0 to 1), from any thread, at any rate."""


class ByteSource(Protocol):
    """A decrypted recording, in memory only; each iteration reads it again from the start."""

    def __aiter__(self) -> AsyncGenerator[bytes, None]:
        """Read from the first byte; close the generator to stop early."""


@dataclass(frozen=True)
class Audio:
    """A recording to transcribe, with its media type, language and duration."""

    content: ByteSource
    media_type: str
    language: str
    duration_s: float | None = None


Prober = Callable[[ByteSource], Awaitable[Probe]]
"""Plays a recording and says how long it is, and whether and why it is refused.

Raises AppError(RECORDING_UNREADABLE) or AppError(NO_SOUND) if nothing can be played.
"""


class Checkpoints(Protocol):
    """What a transcription has already found out, by the number of a step: a lost worker's successor goes on there."""

    async def load(self, number: int) -> bytes | None:
        """Return what was saved under a number."""

    async def save(self, number: int, content: bytes) -> None:
        """Keep content under a number. Raises AppError(CONSENT_REQUIRED) if consent ended meanwhile."""


class SpeechToText(Protocol):
    """Recognizes speech and separates voices."""

    @property
    def source(self) -> Source:
        """Return the vendor and model."""

    @property
    def options(self) -> Mapping[str, str]:
        """Return the options that affect the result; they are part of the fingerprint of a stored result."""

    async def transcribe(self, audio: Audio, progress: Progress, checkpoints: Checkpoints) -> Speech:
        """Transcribe a recording.

        Raises AppError: retryable for outages and rate limits, not retryable for refusals and unreadable recordings.
        The detail never contains a vendor's text.
        """


@dataclass(frozen=True)
class RecordingKey:
    """A recording's object name and key. The keyset is a secret and not part of `repr`."""

    object_name: str
    media_type: str
    size_bytes: int
    content_sha256: str
    keyset: bytes = field(repr=False)
    associated_data: bytes = field(repr=False)


class Consents(Protocol):
    """The consent service."""

    async def hold(self, patient_id: PatientId, therapist_id: TherapistId, purposes: Sequence[Purpose]) -> None:
        """Require consent to all purposes. Raises AppError(CONSENT_REQUIRED)."""


class Recordings(Protocol):
    """Stored recordings and their keys."""

    async def key_of(self, session_id: SessionId) -> RecordingKey:
        """Return the key of a session's recording. Raises AppError(CONSENT_REQUIRED) if ingestion refuses."""

    def open(self, key: RecordingKey) -> ByteSource:
        """Return the decrypted content; reading it raises AppError if the ciphertext was altered."""


@dataclass(frozen=True)
class Wanted:
    """Which version of a transcript to read, None for the newest, and whether with the times of its words."""

    version: int | None = None
    with_words: bool = False


class Transcripts(Protocol):
    """Stores jobs, transcripts and vendors' responses. Reads return only what consent and capability allow."""

    async def begin_job(self, tx: Transaction, about: About, job_id: JobId) -> int:
        """Start an attempt; return its number, from 1."""

    async def move_job(self, tx: Transaction, job_id: JobId, status: JobStatus, error: str | None = None) -> None:
        """Set a job's status; `error` is a problem slug."""

    async def note_progress(self, tx: Transaction, job_id: JobId, share: float) -> None:
        """Set the progress of a running job (0 to 1)."""

    async def job(self, tx: Transaction, session_id: SessionId) -> Job | None:
        """Return a session's newest job."""

    async def store_speech(self, tx: Transaction, about: About, fingerprint: bytes, speech: Speech) -> None:
        """Store a vendor's response. Raises AppError(CONSENT_REQUIRED) if consent ended meanwhile."""

    async def stored_speech(self, tx: Transaction, session_id: SessionId, fingerprint: bytes) -> Speech | None:
        """Return the stored response to an identical request."""

    async def store_checkpoint(self, tx: Transaction, about: About, name: bytes, sealed: bytes) -> None:
        """Store what was heard so far. Raises AppError(CONSENT_REQUIRED) if consent ended meanwhile."""

    async def checkpoint(self, tx: Transaction, session_id: SessionId, name: bytes) -> bytes | None:
        """Return a stored checkpoint."""

    async def delete_speech(self, tx: Transaction, session_id: SessionId) -> None:
        """Delete the vendors' responses of a session, and its checkpoints."""

    async def add(self, tx: Transaction, transcript: Transcript) -> bool:
        """Add a version; return False if it exists. Raises AppError(CONSENT_REQUIRED) without consent."""

    async def newest(self, tx: Transaction, session_id: SessionId) -> Transcript | None:
        """Return the newest version without words' times; None without one, or without consent."""

    async def find(self, tx: Transaction, session_id: SessionId, wanted: Wanted) -> Transcript | None:
        """Return a version of a session's transcript; None without it, or without consent."""

    async def is_erased(self, tx: Transaction, patient_id: PatientId | None, session_id: SessionId) -> bool:
        """Return True if the session, or the patient if given, was erased."""


class Withdrawals(Protocol):
    """Schedules deletions after a revocation."""

    async def withdraw(self, tx: Transaction, event: ConsentRevoked, delete_after: datetime) -> None:
        """Schedule the deletion of transcripts under this consent; row-level security hides them already."""


class Release(StrEnum):
    """Why a transcript is returned."""

    READ = "read"
    CORRECT = "correct"
    SEARCH = "search"


class Version(Protocol):
    """A version of a transcript, whole or in parts, as the audit names it."""

    @property
    def id(self) -> TranscriptId:
        """Return the transcript's id."""

    @property
    def about(self) -> About:
        """Return its session."""

    @property
    def version(self) -> int:
        """Return its number."""


class Audit(Protocol):
    """The audit of transcript reads."""

    async def note(self, tx: Transaction, transcript: Version, release: Release) -> None:
        """Record that a transcript is about to be returned; if this fails, it is not returned."""

    async def page(self, query: AuditQuery) -> Page[AuditEntry]:
        """Return audit rows, newest first."""


class Transactions(Protocol):
    """Opens transactions under the current capability."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction; commits on exit, rolls back on an error."""
