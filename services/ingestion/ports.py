"""Interfaces to the stores and services that the handlers use."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from libs.common.database.paging import Page, Window
from libs.common.database.transaction import Transaction
from libs.contracts.audit import AuditEntry, AuditQuery
from libs.contracts.ids import ConsentId, OrganizationId, PatientId, SessionId, TherapistId
from libs.contracts.purposes import Purpose
from services.ingestion.domain import OrganizationKey, PatientKey, Recording, Session, SessionParties, Trigger


@dataclass(frozen=True)
class SessionFilter:
    """Filters for a list of sessions; None matches any.

    Both bounds are inclusive. A bound given as a day applies to `session_day` where a session has one.
    """

    patient_id: PatientId | None = None
    therapist_id: TherapistId | None = None
    status: str | None = None
    date_from: datetime | None = None
    date_to: datetime | None = None
    day_from: date | None = None
    day_to: date | None = None
    released: bool | None = None


class Consents(Protocol):
    """The consent service."""

    async def hold(self, parties: SessionParties, purposes: Sequence[Purpose]) -> Mapping[Purpose, ConsentId]:
        """Return the consents in force for all purposes. Raises AppError(CONSENT_REQUIRED) if one is missing."""


class Objects(Protocol):
    """Stores ciphertext."""

    async def ready(self) -> None:
        """Raise AppError(UNAVAILABLE) if objects cannot be stored."""

    async def put_stream(self, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Store the chunks as one object, or nothing."""

    def get_stream(self, name: str, offset: int = 0) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open an object for reading."""

    async def remove(self, name: str) -> None:
        """Delete an object."""


class KeyRepository(Protocol):
    """Stores wrapped keys. The first writer wins; `keep_...` returns the stored key."""

    async def organization_key(
        self, tx: Transaction, organization_id: OrganizationId, version: int | None = None
    ) -> OrganizationKey | None:
        """Return a version of an organization's key (None: the newest)."""

    async def keep_organization_key(
        self, tx: Transaction, organization_id: OrganizationId, wrapped: bytes
    ) -> OrganizationKey:
        """Store a first version unless one exists; return the newest."""

    async def patient_key(self, tx: Transaction, parties: SessionParties) -> PatientKey | None:
        """Return a patient's key, even if it was destroyed."""

    async def keep_patient_key(self, tx: Transaction, parties: SessionParties, key: PatientKey) -> None:
        """Store a key unless the patient has or had one."""


class Shredder(Protocol):
    """Destroys wrapped keys permanently."""

    async def destroy_patient_key(self, tx: Transaction, organization_id: OrganizationId, patient_id: PatientId) -> int:
        """Destroy a patient's key; return the number destroyed, 0 or 1."""

    async def destroy_recording_keys(self, tx: Transaction, session_id: SessionId) -> Sequence[str]:
        """Destroy the keys of a session's recordings; return the names of their objects."""

    async def destroy_recording_keys_of_patient(
        self, tx: Transaction, organization_id: OrganizationId, patient_id: PatientId
    ) -> Sequence[str]:
        """Destroy the keys of all recordings of a patient; return the names of their objects."""


class Sessions(Protocol):
    """Stores sessions and the metadata of their recordings."""

    async def add(self, tx: Transaction, session: Session, recording: Recording) -> bool:
        """Add a session; return False if its id exists. Raises AppError(CONSENT_REQUIRED) without consent."""

    async def find(self, tx: Transaction, session_id: SessionId) -> Session | None:
        """Return a session visible to the capability."""

    async def parties_of(self, tx: Transaction, session_id: SessionId) -> SessionParties | None:
        """Return a session's parties only, so that a session with unreadable content can be erased."""

    async def lock(self, tx: Transaction, session_id: SessionId) -> Session | None:
        """Return a session and lock it until the transaction ends."""

    async def lock_of_parties(self, tx: Transaction, parties: SessionParties) -> Sequence[Session]:
        """Return and lock the sessions of a patient and therapist that are in progress."""

    async def save(self, tx: Transaction, session: Session) -> None:
        """Write a session's status, times, reason and duration."""

    async def release(self, tx: Transaction, session_id: SessionId, at: datetime) -> None:
        """Write when a session was released."""

    async def hold_back(self, tx: Transaction, session_id: SessionId, at: datetime) -> None:
        """Keep a session out of the chat until it is released by hand."""

    async def recording(self, tx: Transaction, session_id: SessionId) -> Recording | None:
        """Return the metadata of a session's recording."""

    async def page(self, tx: Transaction, filters: SessionFilter, window: Window) -> Page[Session]:
        """Return sessions, newest first."""


class Audit(Protocol):
    """The record of who released sessions or held them back."""

    async def page(self, query: AuditQuery) -> Page[AuditEntry]:
        """Return audit rows, newest first."""


class IgnoredTransitions(Protocol):
    """Counts events that a status ignores."""

    def count(self, session: Session, trigger: Trigger) -> None:
        """Count one event."""
