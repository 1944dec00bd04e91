"""Session use cases: update the status on events; read, watch and retry sessions; return recording keys."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from libs.common.clock import Clock
from libs.common.database.paging import Page, Window
from libs.common.database.transaction import Database, Transaction
from libs.common.errors import NOT_FOUND, UNAVAILABLE, AppError
from libs.common.events import Event
from libs.common.messaging.steps import E, Step
from libs.contracts.capability import bound_patient
from libs.contracts.consent import ConsentRevoked
from libs.contracts.ids import OrganizationId, PatientId, SessionId, TherapistId
from libs.contracts.index import IndexFailed, IndexReady, IndexWithheld
from libs.contracts.problems import ERASED, NOT_FAILED, NOT_READY
from libs.contracts.purposes import Purpose
from libs.contracts.session import SessionFailed, SessionReady
from libs.contracts.transcript import (
    RecordingProbed,
    TranscriptionFailed,
    TranscriptionProgressed,
    TranscriptionStarted,
    TranscriptReady,
    TranscriptWithheld,
)
from services.ingestion.domain import (
    FINAL,
    Recording,
    Session,
    SessionEvent,
    SessionParties,
    Status,
    Trigger,
    after,
    progressed,
    revocation_of,
    sealing_context,
)
from services.ingestion.erasure.ports import ErasedSubjects
from services.ingestion.keys.chain import KeyChain
from services.ingestion.metrics import count_completed
from services.ingestion.ports import Consents, IgnoredTransitions, SessionFilter, Sessions
from services.ingestion.upload.accept import status_changed, uploaded

T = TypeVar("T")

POLL_S = 0.3
CONSENT_REVOKED = "consent-revoked"

PipelineEvent = (
    TranscriptionStarted
    | TranscriptionFailed
    | TranscriptReady
    | TranscriptWithheld
    | IndexReady
    | IndexFailed
    | IndexWithheld
)


class _StatusStep(Step[E, None]):
    """A step that moves sessions by the table of transitions."""

    def __init__(self, sessions: Sessions, ignored: IgnoredTransitions, clock: Clock) -> None:
        self._sessions = sessions
        self._ignored = ignored
        self._clock = clock

    async def _move(self, session: Session, event: SessionEvent, tx: Transaction) -> Sequence[Event]:
        moved = after(session, event)
        if moved is None:
            self._ignored.count(session, event.trigger)
            return ()
        # A late event leaves the session unchanged, and then nothing is written.
        if moved != session:
            await self._sessions.save(tx, moved)
        # Counted on the change alone: a late event finds a session that has ended before.
        if moved.status is not session.status and moved.status in FINAL:
            count_completed(moved)
        return events_after_move(session, moved)


class UpdateSessionStatus(_StatusStep[PipelineEvent]):
    """Updates a session's status when its recording, transcript or index changes."""

    async def record(self, event: PipelineEvent, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Update the status under the session's row lock."""
        # None: it was erased meanwhile, and there is nothing left to move.
        session = await self._sessions.lock(tx, SessionId(event.session_id))
        if session is None:
            return ()
        session_event = SessionEvent(
            Trigger(event.type),
            self._clock(),
            # Only failures and withholdings have one.
            getattr(event, "reason", None),
            event.audio_duration_s if isinstance(event, TranscriptReady) else None,
            event.published_at,
        )
        return await self._move(session, session_event, tx)


class RecordProbe(Step[RecordingProbed, None]):
    """Writes down what a probe found in a session's recording."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    async def record(self, event: RecordingProbed, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Write it under the session's row lock; nothing for a session that was erased."""
        session = await self._sessions.lock(tx, SessionId(event.session_id))
        if session is not None:
            probed = replace(
                session,
                duration_s=event.duration_s,
                recording_complete=event.is_complete,
                damaged_at_s=event.damaged_at_s,
                updated_at=self._clock(),
            )
            await self._sessions.save(tx, probed)
        return ()


class RecordProgress(Step[TranscriptionProgressed, None]):
    """Writes down how far a session's transcription is."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    async def record(self, event: TranscriptionProgressed, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Write it under the session's row lock; nothing for a session that was erased."""
        session = await self._sessions.lock(tx, SessionId(event.session_id))
        if session is not None:
            await self._sessions.save(tx, progressed(session, event.share, event.remaining_s, self._clock()))
        return ()


class EndOnRevocation(_StatusStep[ConsentRevoked]):
    """Withholds sessions in progress when a consent they need is revoked."""

    async def record(self, event: ConsentRevoked, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Withhold each session in progress of this patient and therapist that needs the consent."""
        parties = SessionParties(
            OrganizationId(event.organization_id), PatientId(event.patient_id), TherapistId(event.therapist_id)
        )
        session_event = SessionEvent(revocation_of(event.consent_type), self._clock(), CONSENT_REVOKED)
        events: list[Event] = []
        for session in await self._sessions.lock_of_parties(tx, parties):
            events += await self._move(session, session_event, tx)
        return events


def events_after_move(before: Session, now: Session) -> Sequence[Event]:
    """Return the events to publish after a status change."""
    if before.status is now.status:
        return ()
    changed = status_changed(now)
    ids = {
        "organization_id": changed.organization_id,
        "patient_id": changed.patient_id,
        "session_id": changed.session_id,
    }
    if now.status is Status.READY:
        return (changed, SessionReady(**ids))
    if now.status is Status.FAILED:
        return (changed, SessionFailed(**ids, reason=now.reason or "internal"))
    return (changed,)


@dataclass(frozen=True)
class OpenedRecording:
    """A recording with its plaintext keyset and encryption context."""

    recording: Recording
    keyset: bytes
    context: bytes


@dataclass(frozen=True)
class QueryDependencies:
    """Dependencies of SessionQueries."""

    database: Database
    sessions: Sessions
    keys: KeyChain
    consents: Consents
    clock: Clock
    erased_subjects: ErasedSubjects


class SessionQueries:
    """Reads and retries sessions for API callers."""

    def __init__(self, dependencies: QueryDependencies) -> None:
        self._deps = dependencies

    async def find(self, session_id: SessionId) -> Session:
        """Return a session. Raises AppError(NOT_FOUND) if it is not visible to the capability, ERASED if erased."""
        async with self._deps.database.transaction() as tx:
            return await self._found(tx, session_id)

    async def page(self, filters: SessionFilter, window: Window) -> Page[Session]:
        """Return sessions, newest first."""
        async with self._deps.database.transaction() as tx:
            return await self._deps.sessions.page(tx, filters, window)

    async def wait(self, session_id: SessionId, seen_at: datetime | None, wait_s: float) -> Session:
        """Return a session once it is newer than `seen_at` (None: than now), final, or `wait_s` have passed."""
        session = await self.find(session_id)
        seen_at = seen_at or session.updated_at
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while session.updated_at == seen_at and session.status not in FINAL and loop.time() < deadline:
            # Read again rather than notified: any process may move the session. No transaction is held meanwhile.
            await asyncio.sleep(min(POLL_S, max(0.0, deadline - loop.time())))
            session = await self.find(session_id)
        return session

    async def watch(self, session_id: SessionId, quiet_s: float, total_s: float) -> AsyncIterator[Session | None]:
        """Yield a session now and after each change until it is final; None after each `quiet_s` without a change.

        Raises AppError(UNAVAILABLE) if it is not final within `total_s`.
        """
        session = await self.find(session_id)
        yield session
        deadline = asyncio.get_running_loop().time() + total_s
        while session.status not in FINAL and asyncio.get_running_loop().time() < deadline:
            later = await self.wait(session_id, session.updated_at, quiet_s)
            yield later if later.updated_at != session.updated_at else None
            session = later
        if session.status not in FINAL:
            raise AppError(UNAVAILABLE, "The session is still being processed. Reconnect to keep watching.")

    async def retry(self, session_id: SessionId) -> Session:
        """Process a failed or withheld session again. Raises AppError: NOT_FAILED, CONSENT_REQUIRED, NOT_FOUND."""
        session = await self.find(session_id)
        if session.status not in (Status.FAILED, Status.WITHHELD):
            raise AppError(NOT_FAILED, f"The session is {session.status.value}, so there is nothing to retry.")
        # Before the transaction: none is held open across a call to another service.
        await self._deps.consents.hold(session.parties, [Purpose.RECORDING, Purpose.TRANSCRIPTION])
        async with self._deps.database.transaction() as tx:
            # Locked and checked again: the session may have changed since `find`.
            locked = _require(await self._deps.sessions.lock(tx, session_id))
            moved = after(locked, SessionEvent(Trigger.RETRIED, self._deps.clock()))
            if moved is None:
                raise AppError(NOT_FAILED, f"The session is now {locked.status.value}.")
            recording = await self._deps.sessions.recording(tx, session_id)
            if recording is None:
                raise AppError(
                    NOT_FAILED,
                    "The recording's retention period is over and it was deleted. Upload it as a new session.",
                )
            await self._deps.sessions.save(tx, moved)
            await tx.emit(uploaded(moved, recording), *events_after_move(locked, moved))
        return moved

    async def release(self, session_id: SessionId) -> Session:
        """Make a ready session part of the chat; one that is stays as it is. Raises AppError: NOT_READY, NOT_FOUND."""
        async with self._deps.database.transaction() as tx:
            session = await self._locked(tx, session_id)
            if session.status is not Status.READY:
                raise AppError(NOT_READY, f"The session is {session.status.value}, so there is nothing to release.")
            if not session.released:
                await self._deps.sessions.release(tx, session_id, self._deps.clock())
            return await self._found(tx, session_id)

    async def hold_back(self, session_id: SessionId) -> Session:
        """Keep a session out of the chat until it is released by hand. Raises AppError(NOT_FOUND).

        The lock waits for answers that are being stored; those that come after this returns cannot quote the session.
        """
        async with self._deps.database.transaction() as tx:
            await self._locked(tx, session_id)
            await self._deps.sessions.hold_back(tx, session_id, self._deps.clock())
            return await self._found(tx, session_id)

    async def open_recording(self, session_id: SessionId) -> OpenedRecording:
        """Return a recording and its key if consent to transcription is in force."""
        async with self._deps.database.transaction() as tx:
            session = await self._found(tx, session_id)
            recording = _require(await self._deps.sessions.recording(tx, session_id))
        # Asked again although the upload did: a recording may be opened long after.
        await self._deps.consents.hold(session.parties, [Purpose.RECORDING, Purpose.TRANSCRIPTION])
        context = sealing_context(session.parties, session.id, recording.object_name, recording.media_type)
        return OpenedRecording(recording, await self._deps.keys.open(session.parties, recording), context)

    async def _locked(self, tx: Transaction, session_id: SessionId) -> Session:
        await self._found(tx, session_id)  # says so if it was erased
        return _require(await self._deps.sessions.lock(tx, session_id))

    async def _found(self, tx: Transaction, session_id: SessionId) -> Session:
        session = await self._deps.sessions.find(tx, session_id)
        # Only for those whose capability could have seen it; to all others it has never existed.
        if session is None and await self._deps.erased_subjects.is_erased(tx, bound_patient(), session_id):
            raise AppError(ERASED, "This session was erased.")
        return _require(session)


def _require(found: T | None) -> T:
    if found is None:
        raise AppError(NOT_FOUND, "There is no such session.")
    return found
