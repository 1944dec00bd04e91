"""What ingestion does about what happens: facts move sessions, callers read them, retry them and fetch their keys."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from libs.common.clock import Clock
from libs.common.database.paging import Page, Window
from libs.common.database.transaction import Database, Transaction
from libs.common.errors import NOT_FOUND, UNAVAILABLE, AppError
from libs.common.events import Event
from libs.common.messaging.steps import Step
from libs.contracts.capability import bound_patient
from libs.contracts.consent import ConsentRevoked
from libs.contracts.ids import OrganizationId, PatientId, SessionId, TherapistId
from libs.contracts.index import IndexFailed, IndexReady, IndexWithheld
from libs.contracts.problems import ERASED, NOT_FAILED
from libs.contracts.purposes import Purpose
from libs.contracts.session import SessionFailed, SessionReady
from libs.contracts.transcript import (
    TranscriptionFailed,
    TranscriptionStarted,
    TranscriptReady,
    TranscriptWithheld,
)
from services.ingestion.domain import (
    FINAL,
    Fact,
    Happened,
    Recording,
    Session,
    SessionParties,
    Status,
    after,
    revocation_of,
    sealing_context,
)
from services.ingestion.erasure.ports import ErasedSubjects
from services.ingestion.keys.chain import KeyChain
from services.ingestion.metrics import count_end
from services.ingestion.ports import Consents, IllegalMoves, Sessions, Wanted
from services.ingestion.upload.accept import status_changed, uploaded

T = TypeVar("T")

POLL_S = 0.3
CONSENT_REVOKED = "consent-revoked"

Moving = (
    TranscriptionStarted
    | TranscriptionFailed
    | TranscriptReady
    | TranscriptWithheld
    | IndexReady
    | IndexFailed
    | IndexWithheld
)


class Advance(Step[Moving, None]):
    """Something happened to a session's recording, words or index: move the session, if its status allows that."""

    def __init__(self, sessions: Sessions, illegal: IllegalMoves, clock: Clock) -> None:
        self._sessions = sessions
        self._illegal = illegal
        self._clock = clock

    async def record(self, event: Moving, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Move the session under its row's lock."""
        session = await self._sessions.lock(tx, SessionId(event.session_id))
        if session is None:
            return ()
        happened = Happened(
            Fact(event.type),
            self._clock(),
            getattr(event, "reason", None),
            event.audio_duration_s if isinstance(event, TranscriptReady) else None,
            event.said_at,
        )
        return await _move(self._sessions, self._illegal, session, happened, tx)


class EndOnRevocation(Step[ConsentRevoked, None]):
    """A consent was taken back: sessions on their way that needed it stop here."""

    def __init__(self, sessions: Sessions, illegal: IllegalMoves, clock: Clock) -> None:
        self._sessions = sessions
        self._illegal = illegal
        self._clock = clock

    async def record(self, event: ConsentRevoked, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Withhold each session of this patient and therapist that the revocation stops."""
        parties = SessionParties(
            OrganizationId(event.organization_id), PatientId(event.patient_id), TherapistId(event.therapist_id)
        )
        happened = Happened(revocation_of(event.consent_type), self._clock(), CONSENT_REVOKED)
        facts: list[Event] = []
        for session in await self._sessions.lock_of_parties(tx, parties):
            facts += await _move(self._sessions, self._illegal, session, happened, tx)
        return facts


async def _move(
    sessions: Sessions, illegal: IllegalMoves, session: Session, happened: Happened, tx: Transaction
) -> Sequence[Event]:
    moved = after(session, happened)
    if moved is None:
        illegal.count(session, happened.fact)
        return ()
    if moved != session:
        await sessions.save(tx, moved)
    if moved.status is not session.status and moved.status in FINAL:
        count_end(moved)
    return facts_of(session, moved)


def facts_of(before: Session, now: Session) -> Sequence[Event]:
    """Return what follows from a session's move."""
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
    """All it takes to read a recording."""

    recording: Recording
    keyset: bytes
    context: bytes


@dataclass(frozen=True)
class Reading:
    """What reading sessions needs."""

    database: Database
    sessions: Sessions
    keys: KeyChain
    consents: Consents
    clock: Clock
    erased_subjects: ErasedSubjects


class SessionQueries:
    """Sessions as callers see them."""

    def __init__(self, reading: Reading) -> None:
        self._its = reading

    async def find(self, session_id: SessionId) -> Session:
        """Return a session; raise AppError(NOT_FOUND) for one the capability may not see, ERASED for one that was."""
        async with self._its.database.transaction() as tx:
            return await self._found(tx, session_id)

    async def page(self, wanted: Wanted, window: Window) -> Page[Session]:
        """Return sessions, newest first."""
        async with self._its.database.transaction() as tx:
            return await self._its.sessions.page(tx, wanted, window)

    async def wait(self, session_id: SessionId, seen_at: datetime | None, wait_s: float) -> Session:
        """Return a session once it is newer than `seen_at` (None: than now), has ended, or the time is up."""
        session = await self.find(session_id)
        seen_at = seen_at or session.updated_at
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while session.updated_at == seen_at and session.status not in FINAL and loop.time() < deadline:
            await asyncio.sleep(min(POLL_S, max(0.0, deadline - loop.time())))
            session = await self.find(session_id)
        return session

    async def watch(self, session_id: SessionId, quiet_s: float, total_s: float) -> AsyncIterator[Session | None]:
        """Yield a session now and after each change until it ends; None after each `quiet_s` without a change.

        Raises AppError(UNAVAILABLE) when it has not ended within `total_s`.
        """
        session = await self.find(session_id)
        yield session
        deadline = asyncio.get_running_loop().time() + total_s
        while session.status not in FINAL and asyncio.get_running_loop().time() < deadline:
            later = await self.wait(session_id, session.updated_at, quiet_s)
            yield later if later.updated_at != session.updated_at else None
            session = later
        if session.status not in FINAL:
            raise AppError(UNAVAILABLE, "The session is still being processed. Connect again to keep watching.")

    async def retry(self, session_id: SessionId) -> Session:
        """Send a failed or withheld session through the pipeline again, if consent allows."""
        session = await self.find(session_id)
        if session.status not in (Status.FAILED, Status.WITHHELD):
            raise AppError(NOT_FAILED, f"The session is {session.status.value}, so there is nothing to retry.")
        await self._its.consents.hold(session.parties, [Purpose.RECORDING, Purpose.TRANSCRIPTION])
        async with self._its.database.transaction() as tx:
            locked = _known(await self._its.sessions.lock(tx, session_id))
            moved = after(locked, Happened(Fact.RETRIED, self._its.clock()))
            if moved is None:
                raise AppError(NOT_FAILED, f"The session is {locked.status.value} by now.")
            recording = await self._its.sessions.recording(tx, session_id)
            if recording is None:
                raise AppError(
                    NOT_FAILED, "Its recording was kept long enough and is gone; upload it as a new session."
                )
            await self._its.sessions.save(tx, moved)
            await tx.emit(uploaded(moved, recording), *facts_of(locked, moved))
        return moved

    async def open_recording(self, session_id: SessionId) -> OpenedRecording:
        """Return where a recording is and its key, if it may be turned into words at this moment."""
        async with self._its.database.transaction() as tx:
            session = await self._found(tx, session_id)
            recording = _known(await self._its.sessions.recording(tx, session_id))
        await self._its.consents.hold(session.parties, [Purpose.RECORDING, Purpose.TRANSCRIPTION])
        context = sealing_context(session.parties, session.id, recording.object_name, recording.media_type)
        return OpenedRecording(recording, await self._its.keys.open(session.parties, recording), context)

    async def _found(self, tx: Transaction, session_id: SessionId) -> Session:
        session = await self._its.sessions.find(tx, session_id)
        if session is None and await self._its.erased_subjects.is_erased(tx, bound_patient(), session_id):
            raise AppError(ERASED, "This session was erased.")
        return _known(session)


def _known(found: T | None) -> T:
    if found is None:
        raise AppError(NOT_FOUND, "There is no such session.")
    return found
