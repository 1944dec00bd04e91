"""What the handlers need from outside."""

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
    InForceCheck,
    Kept,
    Signature,
    Status,
)


@dataclass(frozen=True)
class Wanted:
    """Which consent records a list is about; None means any."""

    patient_id: PatientId | None = None
    therapist_id: TherapistId | None = None
    purpose: Purpose | None = None
    status: Status | None = None


@dataclass(frozen=True)
class Draft:
    """A text that is about to be published."""

    id: UUID
    organization_id: OrganizationId
    purpose: Purpose
    language: str
    text: str
    sha256: bytes
    actor: str


class Transactions(Protocol):
    """Opens transactions under the capability in force."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Open one; it commits on leaving and rolls back on an error."""


class Ledger(Protocol):
    """Keeps decisions and tells what is in force."""

    async def append(self, tx: Transaction, organization_id: OrganizationId, decision: Decision) -> Entry:
        """Write a decision down."""

    async def keep_receipt(self, tx: Transaction, entry: Entry, signature: Signature) -> Entry:
        """Keep the signature of a new entry's receipt; return the entry with it."""

    async def find(self, tx: Transaction, consent_id: ConsentId) -> Consent | None:
        """Return one record."""

    async def page(self, tx: Transaction, wanted: Wanted, window: Window) -> Page[Consent]:
        """Return records, newest first."""

    async def current(self, tx: Transaction, patient_id: PatientId, as_of: datetime | None) -> Sequence[Consent]:
        """Return the newest record per therapist and purpose."""

    async def history(self, tx: Transaction, patient_id: PatientId, window: Window) -> Page[Entry]:
        """Return entries, newest first."""

    async def held(
        self,
        tx: Transaction,
        parties: tuple[OrganizationId, PatientId, TherapistId | None],
        purposes: Sequence[Purpose],
    ) -> dict[Purpose, ConsentId]:
        """Return what is in force, held until the transaction ends."""

    async def standing(
        self, tx: Transaction, organization_id: OrganizationId, parties: ConsentParties
    ) -> Consent | None:
        """Return the record in force of these parties; until the transaction ends no other grant looks."""

    async def revocation(self, tx: Transaction, consent_id: ConsentId) -> Entry | None:
        """Return the entry that took a record back by its id."""

    async def chain(self, tx: Transaction, after: int, most: int) -> Sequence[tuple[Entry, Kept]]:
        """Return entries in the chain's order, each with what became of its circumstances."""


class Documents(Protocol):
    """Keeps the texts that patients are shown."""

    async def publish(self, tx: Transaction, document: Draft) -> Document | None:
        """Add the next version; None when this very text has been published before."""

    async def find(self, tx: Transaction, document_id: UUID) -> Document | None:
        """Return one version."""

    async def page(
        self, tx: Transaction, purpose: Purpose | None, language: str | None, window: Window
    ) -> Page[Document]:
        """Return versions, newest first."""


class Standings(Protocol):
    """Tells what is acted on."""

    async def standings(
        self, tx: Transaction, after: str | None, most: int
    ) -> tuple[Sequence[InForceCheck], str | None]:
        """Return rows behind a mark, and the mark to go on from."""

    async def head_seq(self, tx: Transaction) -> int:
        """Return how many entries the organization's ledger has."""


class CheckpointRepository(Protocol):
    """Where signed checkpoints stand, outside the database."""

    async def latest(self, organization_id: OrganizationId) -> str | None:
        """Return the note of the longest chain that was signed."""

    async def after(self, organization_id: OrganizationId, seq: int, most: int) -> Sequence[str]:
        """Return notes behind a seq, shortest chain first."""
