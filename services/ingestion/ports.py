"""What ingestion needs from outside."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from libs.common.database.paging import Page, Window
from libs.common.database.transaction import Transaction
from libs.contracts.ids import ConsentId, OrganizationId, PatientId, SessionId, TherapistId
from libs.contracts.purposes import Purpose
from services.ingestion.domain import Fact, OrganizationKey, PatientKey, Recording, Session, SessionParties

Identify = Callable[[], UUID]


@dataclass(frozen=True)
class Wanted:
    """A filter of the list of sessions; None means any.

    Both ends are included. Where days were asked for, they decide about sessions of which only the day is known.
    """

    patient_id: PatientId | None = None
    therapist_id: TherapistId | None = None
    status: str | None = None
    date_from: datetime | None = None
    date_to: datetime | None = None
    day_from: date | None = None
    day_to: date | None = None


class Consents(Protocol):
    """Knows what a patient allows."""

    async def hold(self, parties: SessionParties, purposes: Sequence[Purpose]) -> Mapping[Purpose, ConsentId]:
        """Return the consents in force; raise AppError(CONSENT_REQUIRED) unless there is one for each purpose."""


class Objects(Protocol):
    """Keeps ciphertext."""

    async def ready(self) -> None:
        """Raise AppError(UNAVAILABLE) unless objects can be kept now."""

    async def put_stream(self, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Keep what flows in, or nothing."""

    def get_stream(self, name: str, offset: int = 0) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open an object for reading."""

    async def remove(self, name: str) -> None:
        """Delete an object."""


class KeyRepository(Protocol):
    """Keeps wrapped keys. Keeping is first come, first served: the key that is kept is answered."""

    async def organization_key(
        self, tx: Transaction, organization_id: OrganizationId, version: int | None = None
    ) -> OrganizationKey | None:
        """Return a version of an organization's key; None means the newest."""

    async def keep_organization_key(
        self, tx: Transaction, organization_id: OrganizationId, wrapped: bytes
    ) -> OrganizationKey:
        """Keep a first version unless there is any, and return the newest that is kept."""

    async def patient_key(self, tx: Transaction, parties: SessionParties) -> PatientKey | None:
        """Return the key of a patient, also a destroyed one."""

    async def keep_patient_key(self, tx: Transaction, parties: SessionParties, key: PatientKey) -> None:
        """Keep a key unless there is or was one."""


class Shredder(Protocol):
    """Destroys wrapped keys for good."""

    async def destroy_patient_key(self, tx: Transaction, organization_id: OrganizationId, patient_id: PatientId) -> int:
        """Destroy a patient's key; return how many were destroyed now: 0 or 1."""

    async def destroy_recording_keys(self, tx: Transaction, session_id: SessionId) -> Sequence[str]:
        """Destroy the keys of a session's recordings; return the names of their objects."""

    async def destroy_recording_keys_of_patient(
        self, tx: Transaction, organization_id: OrganizationId, patient_id: PatientId
    ) -> Sequence[str]:
        """Destroy the keys of all recordings of a patient; return the names of their objects."""


class Sessions(Protocol):
    """Keeps sessions and what is known of their recordings."""

    async def add(self, tx: Transaction, session: Session, recording: Recording) -> bool:
        """Keep a new session, False if its id is taken; raise AppError(CONSENT_REQUIRED) unless it may be recorded."""

    async def find(self, tx: Transaction, session_id: SessionId) -> Session | None:
        """Return a session the capability may see."""

    async def parties_of(self, tx: Transaction, session_id: SessionId) -> SessionParties | None:
        """Return whose a session is, and read nothing else of it: what is erased need not be readable."""

    async def lock(self, tx: Transaction, session_id: SessionId) -> Session | None:
        """Return a session and keep others from changing it until the transaction ends."""

    async def lock_of_parties(self, tx: Transaction, parties: SessionParties) -> Sequence[Session]:
        """Return and lock the sessions of a patient and therapist whose processing has not ended."""

    async def save(self, tx: Transaction, session: Session) -> None:
        """Write a session's status, times, reason and duration."""

    async def recording(self, tx: Transaction, session_id: SessionId) -> Recording | None:
        """Return what is known of a session's recording."""

    async def page(self, tx: Transaction, wanted: Wanted, window: Window) -> Page[Session]:
        """Return sessions, newest first."""


class IllegalMoves(Protocol):
    """Counts facts that a status does not allow."""

    def count(self, session: Session, fact: Fact) -> None:
        """Note one."""
