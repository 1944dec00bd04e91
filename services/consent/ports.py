"""Interfaces to the stores that the handlers use."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from libs.common.database.paging import Page, Window
from libs.common.database.transaction import Transaction
from libs.contracts.ids import ConsentId, OrganizationId, PatientId, TherapistId
from libs.contracts.purposes import Purpose
from services.consent.domain import (
    Consent,
    ConsentParties,
    Decision,
    Document,
    Entry,
    EvidenceState,
    InForceRow,
    Signature,
    Status,
)


@dataclass(frozen=True)
class ConsentFilter:
    """Filters for a list of consent records; None matches any."""

    patient_id: PatientId | None = None
    therapist_id: TherapistId | None = None
    purpose: Purpose | None = None
    status: Status | None = None


@dataclass(frozen=True)
class Draft:
    """A consent text that has not been published yet."""

    id: UUID
    organization_id: OrganizationId
    purpose: Purpose
    language: str
    text: str
    sha256: bytes
    actor: str


class Transactions(Protocol):
    """Opens transactions under the current capability."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction; commits on exit, rolls back on an error."""


class Ledger(Protocol):
    """Stores decisions and returns the consents in force."""

    async def append(self, tx: Transaction, organization_id: OrganizationId, decision: Decision) -> Entry:
        """Append a decision."""

    async def add_receipt(self, tx: Transaction, entry: Entry, signature: Signature) -> Entry:
        """Store the signature of a new entry's receipt; return the entry with it."""

    async def find(self, tx: Transaction, consent_id: ConsentId) -> Consent | None:
        """Return one record."""

    async def page(self, tx: Transaction, filters: ConsentFilter, window: Window) -> Page[Consent]:
        """Return records, newest first."""

    async def current(self, tx: Transaction, patient_id: PatientId, as_of: datetime | None) -> Sequence[Consent]:
        """Return the newest record per therapist and purpose."""

    async def history(self, tx: Transaction, patient_id: PatientId, window: Window) -> Page[Entry]:
        """Return entries, newest first."""

    async def lock_consents(
        self,
        tx: Transaction,
        parties: tuple[OrganizationId, PatientId, TherapistId | None],
        purposes: Sequence[Purpose],
    ) -> dict[Purpose, ConsentId]:
        """Return the consents in force and lock them until the transaction ends."""

    async def lock_in_force(
        self, tx: Transaction, organization_id: OrganizationId, parties: ConsentParties
    ) -> Consent | None:
        """Return the record in force; blocks concurrent grants for the same parties until commit."""

    async def revocation(self, tx: Transaction, consent_id: ConsentId) -> Entry | None:
        """Return the entry that revoked a record by its id."""

    async def entries_after(self, tx: Transaction, seq: int, limit: int) -> Sequence[tuple[Entry, EvidenceState]]:
        """Return entries after a seq in chain order, each with the state of its evidence."""


class Documents(Protocol):
    """Stores consent texts."""

    async def publish(self, tx: Transaction, document: Draft) -> Document | None:
        """Add the next version; return None if the same text was already published."""

    async def find(self, tx: Transaction, document_id: UUID) -> Document | None:
        """Return one version."""

    async def page(
        self, tx: Transaction, purpose: Purpose | None, language: str | None, window: Window
    ) -> Page[Document]:
        """Return versions, newest first."""


class InForceReader(Protocol):
    """Reads the consents that the system acts on."""

    async def in_force(self, tx: Transaction, after: str | None, limit: int) -> tuple[Sequence[InForceRow], str | None]:
        """Return rows after a cursor, and the next cursor."""

    async def head_seq(self, tx: Transaction) -> int:
        """Return the number of entries in the organization's ledger."""


class CheckpointRepository(Protocol):
    """Stores signed checkpoints outside the database."""

    async def latest(self, organization_id: OrganizationId) -> str | None:
        """Return the note with the highest seq."""

    async def after(self, organization_id: OrganizationId, seq: int, limit: int) -> Sequence[str]:
        """Return notes after a seq, lowest seq first."""
