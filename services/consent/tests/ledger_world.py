"""What the tests of this service say and do, on a real PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy import text

from libs.common.capability import holding
from libs.common.database import Database, Transaction
from libs.contracts.ids import ConsentId, OrganizationId, PatientId, TherapistId
from libs.contracts.purposes import Purpose
from libs.devstack.infra import Infra
from libs.devstack.pytest_plugin import Tenant
from services.consent.domain import Bond, Consent, Entry, Origin
from services.consent.handlers import Circumstances, Consents, Grant
from services.consent.store import LedgerStore
from services.consent.wiring import LEDGER_REFUSALS

HERE = Circumstances(Origin("192.0.2.1", "a browser"))


class Ledger:
    """One organization's ledger and the verbs on it."""

    def __init__(self, infra: Infra, tenant: Tenant) -> None:
        self.tenant = tenant
        self.database = Database(infra.database_url("consent"), LEDGER_REFUSALS)
        self.store = LedgerStore()
        self.consents = Consents(self.database, self.store)

    async def grants(self, purpose: Purpose = Purpose.RECORDING) -> Consent:
        """The patient says yes to one purpose."""
        with holding(self.tenant.capability("consent:write")):
            return await self.consents.grant(Grant(self.bond(purpose), HERE))

    async def revokes(self, consent: Consent) -> tuple[Consent, Entry]:
        """The patient takes it back."""
        with holding(self.tenant.capability("consent:write")):
            return await self.consents.revoke(consent.granted.consent_id, HERE)

    async def holds(self, *purposes: Purpose, any_therapist: bool = False) -> dict[Purpose, ConsentId]:
        """Somebody asks before working."""
        therapist = None if any_therapist else TherapistId(self.tenant.therapist_id)
        with holding(self.tenant.capability("consent:read")):
            return await self.consents.hold(PatientId(self.tenant.patient_id), therapist, purposes)

    async def chain(self) -> list[Entry]:
        """All entries of the organization, in order."""
        async with self.transaction("consent:read") as tx:
            return list(await self.store.chain(tx, 0))

    def bond(self, purpose: Purpose) -> Bond:
        """The tenant's patient and therapist, for a purpose."""
        return Bond(PatientId(self.tenant.patient_id), TherapistId(self.tenant.therapist_id), purpose)

    def everything(self) -> tuple[OrganizationId, PatientId, None]:
        """What `held` is asked for when any therapist will do."""
        return OrganizationId(self.tenant.organization_id), PatientId(self.tenant.patient_id), None

    def ids(self) -> dict[str, UUID]:
        """The parameters of consent.hold."""
        tenant = self.tenant
        return {"organization": tenant.organization_id, "patient": tenant.patient_id, "therapist": tenant.therapist_id}

    @asynccontextmanager
    async def transaction(self, *scopes: str, patient: PatientId | None = None) -> AsyncIterator[Transaction]:
        """A transaction of svc_consent under these scopes."""
        with holding(self.tenant.capability(*scopes, patient=patient)):
            async with self.database.transaction() as tx:
                yield tx


async def count(tx: Transaction, table: str) -> int:
    """How many rows of a table this transaction sees."""
    return int((await tx.execute(text(f"select count(*) from {table}"))).scalar_one())
