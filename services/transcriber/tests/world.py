"""A small world for the transcriber's tests: one session on its way into words, and fakes of everything outside."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from libs.common.database.paging import Page
from libs.common.database.transaction import Transaction
from libs.common.errors import AppError
from libs.common.events import Event
from libs.common.ids import new_id
from libs.contracts.audit import AuditEntry, AuditQuery
from libs.contracts.ids import JobId, OrganizationId, PatientId, SessionId, TherapistId, TranscriptId
from libs.contracts.problems import CONSENT_REQUIRED
from libs.contracts.purposes import Purpose
from libs.contracts.recording import RecordingUploaded
from libs.media.recording import Probe
from services.transcriber.corrections import TranscriptService
from services.transcriber.domain import (
    About,
    Draft,
    Job,
    JobStatus,
    Segment,
    Source,
    Speaker,
    Speech,
    Transcript,
    Word,
)
from services.transcriber.handlers import Dependencies, Transcribe
from services.transcriber.ports import Audio, ByteSource, Checkpoints, Progress, RecordingKey, Release, Version, Wanted
from services.transcriber.tests.recordings import Recording

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SESSION_DATE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SOURCE = Source("fake", "ears")
THERAPIST_SAYS = "What would you like to talk about today? How do you feel when you wake up at night?"
PATIENT_SAYS = "I don't sleep. I wake up and I can't stop because my thoughts and my heart are racing, and I worry."


def words(*turns: tuple[int | None, str], start_s: float = 0.5) -> tuple[Word, ...]:
    """Return what was said as words of 0.3 s, turns half a second apart."""
    said: list[Word] = []
    at = start_s
    for voice, text in turns:
        for word in text.split():
            said.append(Word(word, round(at, 3), round(at + 0.3, 3), 0.9, voice))
            at += 0.3
        at += 0.5
    return tuple(said)


def speech(*turns: tuple[int | None, str], language: str = "en") -> Speech:
    """Return what a vendor heard."""
    return Speech(words(*(turns or ((0, THERAPIST_SAYS), (1, PATIENT_SAYS)))), language, 0.99, 60.0, SOURCE)


def uploaded(**changes: Any) -> RecordingUploaded:
    """Return the upload of a new session of new people."""
    fields: dict[str, Any] = {
        "organization_id": new_id(),
        "patient_id": new_id(),
        "therapist_id": new_id(),
        "session_id": new_id(),
        "recording_id": new_id(),
        "session_date": SESSION_DATE,
        "media_type": "audio/mpeg",
        "size_bytes": 5,
        "content_sha256": "ab" * 32,
        "duration_s": 60.0,
        "language": "en",
    }
    return RecordingUploaded(**(fields | changes))


def about(event: RecordingUploaded) -> About:
    """Return whose session was uploaded."""
    return About(
        OrganizationId(event.organization_id),
        PatientId(event.patient_id),
        TherapistId(event.therapist_id),
        SessionId(event.session_id),
        event.session_date,
    )


def segment(speaker: Speaker, text: str, start: float = 0.0, end: float = 1.0) -> Segment:
    """Return a segment that was heard well."""
    return Segment(speaker, text, start, end, 0.9)


def transcript(event: RecordingUploaded, version: int = 1) -> Transcript:
    """Return a transcript of two segments; the times of words are known of the first."""
    segments = (
        replace(segment(Speaker.THERAPIST, "How are you?", 0.5, 1.5), id=1, words=words((None, "How are you?"))),
        replace(segment(Speaker.PATIENT, "I'm fine & <well>.", 2.0, 3.25), id=2),
    )
    draft = Draft(segments, "en", 0.95, 60.0, SOURCE)
    return Transcript(TranscriptId(new_id()), about(event), version, draft, NOW)


class FakeTransaction:
    """Collects the facts that are emitted in it."""

    def __init__(self) -> None:
        self.facts: list[Event] = []

    async def emit(self, *events: Event, cause: UUID | None = None) -> None:
        self.facts += events


class FakeTransactions:
    """Transactions that commit by leaving."""

    def __init__(self) -> None:
        self.facts: list[Event] = []

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        tx = FakeTransaction()
        yield cast(Transaction, tx)
        self.facts += tx.facts


class FakeTranscripts:
    """The store in memory, with the same refusals."""

    def __init__(self) -> None:
        self.jobs: dict[JobId, Job] = {}
        self.versions: list[Transcript] = []
        self.erased: set[SessionId] = set()
        self.kept: dict[tuple[SessionId, bytes], Speech] = {}
        self.checkpoints: dict[tuple[SessionId, bytes], bytes] = {}
        self.consent_holds = True
        self.noted: list[float] = []
        self.keeping_fails_with: list[AppError] = []

    async def begin_job(self, tx: Transaction, about: About, job_id: JobId) -> int:
        attempts = self.jobs[job_id].attempts + 1 if job_id in self.jobs else 1
        self.jobs[job_id] = Job(job_id, about.session_id, JobStatus.PROCESSING, attempts, 0, None, NOW, NOW, None)
        return attempts

    async def move_job(self, tx: Transaction, job_id: JobId, status: JobStatus, error: str | None = None) -> None:
        job = self.jobs.get(job_id)
        if job is not None:
            self.jobs[job_id] = Job(
                job.id, job.session_id, status, job.attempts, job.progress, error, NOW, NOW, job.finished_at
            )

    async def note_progress(self, tx: Transaction, job_id: JobId, share: float) -> None:
        self.noted.append(share)

    async def job(self, tx: Transaction, session_id: SessionId) -> Job | None:
        return next((job for job in self.jobs.values() if job.session_id == session_id), None)

    async def store_speech(self, tx: Transaction, about: About, fingerprint: bytes, speech: Speech) -> None:
        if self.keeping_fails_with:
            raise self.keeping_fails_with.pop()
        self._refuse_without_consent()
        self.kept[(about.session_id, fingerprint)] = speech

    async def stored_speech(self, tx: Transaction, session_id: SessionId, fingerprint: bytes) -> Speech | None:
        return self.kept.get((session_id, fingerprint))

    async def store_checkpoint(self, tx: Transaction, about: About, name: bytes, sealed: bytes) -> None:
        self._refuse_without_consent()
        self.checkpoints[(about.session_id, name)] = sealed

    async def checkpoint(self, tx: Transaction, session_id: SessionId, name: bytes) -> bytes | None:
        return self.checkpoints.get((session_id, name))

    async def delete_speech(self, tx: Transaction, session_id: SessionId) -> None:
        self.checkpoints.clear()
        self.kept = {key: kept for key, kept in self.kept.items() if key[0] != session_id}

    async def add(self, tx: Transaction, transcript: Transcript) -> bool:
        self._refuse_without_consent()
        if any(made.version == transcript.version for made in self.versions):
            return False
        self.versions.append(transcript)
        return True

    async def is_erased(self, tx: Transaction, patient_id: PatientId | None, session_id: SessionId) -> bool:
        return session_id in self.erased

    async def newest(self, tx: Transaction, session_id: SessionId) -> Transcript | None:
        return await self.find(tx, session_id, Wanted())

    async def find(self, tx: Transaction, session_id: SessionId, wanted: Wanted) -> Transcript | None:
        if not self.consent_holds:
            return None
        of_session = [made for made in self.versions if made.about.session_id == session_id]
        found = [made for made in of_session if wanted.version in (None, made.version)]
        return max(found, key=lambda made: made.version, default=None)

    def _refuse_without_consent(self) -> None:
        if not self.consent_holds:
            raise AppError(CONSENT_REQUIRED, CONSENT_REQUIRED.doc)


class FakeAudit:
    """Remembers which words left, and can refuse."""

    def __init__(self) -> None:
        self.noted: list[tuple[int, str]] = []
        self.fails_with: AppError | None = None

    async def note(self, tx: Transaction, transcript: Version, release: Release) -> None:
        if self.fails_with:
            raise self.fails_with
        self.noted.append((transcript.version, release.value))

    async def page(self, wanted: AuditQuery) -> Page[AuditEntry]:
        return Page((), None)


class FakeConsents:
    """Consent that holds until it is said to be gone."""

    def __init__(self) -> None:
        self.holds = True
        self.asked: list[Sequence[Purpose]] = []

    async def hold(self, patient_id: PatientId, therapist_id: TherapistId, purposes: Sequence[Purpose]) -> None:
        self.asked.append(purposes)
        if not self.holds:
            raise AppError(CONSENT_REQUIRED, CONSENT_REQUIRED.doc)


class FakeRecordings:
    """One recording, whose key may be so long in coming that something else happens `meanwhile`, once."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def key_of(self, session_id: SessionId) -> RecordingKey:
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            await happens()
        return RecordingKey("object", "audio/mpeg", 5, "ab" * 32, b"keyset", b"context")

    def open(self, key: RecordingKey) -> ByteSource:
        return Recording(b"sound")


class FakeEars:
    """Hears what it is told, after failing as often as it is told."""

    source = SOURCE
    options: Mapping[str, str] = {"beam": "1"}

    def __init__(self) -> None:
        self.hears = speech()
        self.fails_with: list[AppError] = []
        self.meanwhile: Callable[[], None] = _nothing
        self.heard: list[bytes] = []

    async def transcribe(self, audio: Audio, progress: Progress, checkpoints: Checkpoints) -> Speech:
        blocks: AsyncGenerator[bytes, None] = aiter(audio.content)
        self.heard.append(b"".join([block async for block in blocks]))
        self.meanwhile()
        if self.fails_with:
            raise self.fails_with.pop(0)
        progress(1.0)
        return self.hears


class World:
    """One session, everything around it, and the verbs of a test."""

    def __init__(self) -> None:
        self.event = uploaded()
        self.transactions = FakeTransactions()
        self.transcripts = FakeTranscripts()
        self.consents = FakeConsents()
        self.recordings = FakeRecordings()
        self.ears = FakeEars()
        self.probes = Probe(duration_s=60.0, is_complete=True)
        self.probe_fails_with: AppError | None = None
        world = Dependencies(
            self.transactions,
            self.transcripts,
            self.consents,
            self.recordings,
            self.ears,
            self._probe,
            clock=lambda: NOW,
            new_id=new_id,
        )
        self.step = Transcribe(world)
        self.audit = FakeAudit()
        self.words = TranscriptService(self.transactions, self.transcripts, self.audit, lambda: NOW)

    @property
    def session_id(self) -> SessionId:
        """The session's id."""
        return SessionId(self.event.session_id)

    @property
    def job(self) -> Job:
        """The session's only job."""
        (job,) = self.transcripts.jobs.values()
        return job

    def revoke(self) -> None:
        """Let the patient take consent back, everywhere at once."""
        self.consents.holds = False
        self.transcripts.consent_holds = False

    async def _probe(self, content: ByteSource) -> Probe:
        if self.probe_fails_with is not None:
            raise self.probe_fails_with
        return self.probes

    async def run(self) -> Sequence[Event]:
        """Do both halves as the consumer does, recording the failure of what is not to be tried again."""
        tx = cast(Transaction, FakeTransaction())
        try:
            return await self.step.record(self.event, await self.step.work(self.event), tx)
        except AppError as error:
            if error.problem.retryable:
                raise
            return await self.step.on_failure(self.event, error, tx)


async def plays(content: ByteSource) -> Probe:
    """Find that a recording plays for a minute."""
    return Probe(duration_s=60.0, is_complete=True)


def _nothing() -> None:
    """Nothing happens while the vendor listens."""
