"""What the handlers need from the world."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from libs.common.database import Transaction
from libs.common.paging import Page, Window
from libs.contracts.ids import ConsentId, OrganizationId, PatientId, TherapistId
from libs.contracts.purposes import Purpose
from services.consent.domain import Consent, Decision, Entry, Status


@dataclass(frozen=True)
class Wanted:
    """Which consent records a list is about; None means any."""

    patient_id: PatientId | None = None
    therapist_id: TherapistId | None = None
    purpose: Purpose | None = None
    status: Status | None = None


class Transactions(Protocol):
    """Opens transactions under the capability in force."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Open one; it commits on leaving and rolls back on an error."""


class Ledger(Protocol):
    """Keeps decisions and tells what is in force."""

    async def append(self, tx: Transaction, organization_id: OrganizationId, decision: Decision) -> Entry:
        """Write a decision down."""

    async def find(self, tx: Transaction, consent_id: ConsentId) -> Consent | None:
        """Return one record."""

    async def page(self, tx: Transaction, wanted: Wanted, window: Window) -> Page[Consent]:
        """Return records, newest first."""

    async def current(self, tx: Transaction, patient_id: PatientId, as_of: datetime | None) -> Sequence[Consent]:
        """Return the newest record per therapist and purpose."""

    async def history(self, tx: Transaction, patient_id: PatientId, window: Window) -> Page[Entry]:
        """Return entries, newest first."""

    async def held(
        self, tx: Transaction, bond: tuple[OrganizationId, PatientId, TherapistId | None], purposes: Sequence[Purpose]
    ) -> dict[Purpose, ConsentId]:
        """Return what is in force, held until the transaction ends."""
