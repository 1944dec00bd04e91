"""What the tests of this service say and do, on a real PostgreSQL."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import text

from libs.common.capability import acting_under
from libs.common.database.transaction import Database, Transaction
from libs.common.objects.store import ObjectStore, StoreAddress
from libs.contracts.ids import ConsentId, OrganizationId, PatientId, TherapistId
from libs.contracts.purposes import Purpose
from libs.contracts.tests.tenant import Tenant
from libs.devstack.infra import Infra
from libs.ledger.check import InForceCheck, SignedEvidence, Verdict, check
from libs.ledger.signatures import Checkpoint, KeyRing, SigningKey
from services.consent.api.rendering import in_force_json, line_json
from services.consent.domain import Consent, ConsentParties, Entry, Origin
from services.consent.handlers import Circumstances, GrantConsent
from services.consent.notary.checkpoints import CheckpointStore, Notary
from services.consent.notary.store import NotaryStore
from services.consent.store import LedgerStore
from services.consent.wiring import LEDGER_REFUSALS, services

HERE = Circumstances(Origin("192.0.2.1", "a browser"))


class Ledger:
    """One organization's ledger and the verbs on it."""

    def __init__(self, infra: Infra, tenant: Tenant) -> None:
        self.tenant = tenant
        self.database = Database(infra.database_url("consent"), LEDGER_REFUSALS)
        self.store = LedgerStore()
        self.key = SigningKey(secrets.token_bytes(32))
        self.objects = objects_of(infra)
        self.services = services(self.database, self.objects, self.key)
        self.consents = self.services.consents
        self.checkpoints = CheckpointStore(self.objects)
        self.notary = Notary(self.database, self.checkpoints, self.key, self.ring)

    @property
    def ring(self) -> KeyRing:
        """The key a stranger was given."""
        return KeyRing([self.key.public])

    async def grants(self, purpose: Purpose = Purpose.RECORDING) -> Consent:
        """The patient says yes to one purpose."""
        with acting_under(self.tenant.capability("consent:write")):
            return (await self.consents.grant(GrantConsent(self.parties(purpose), HERE))).consent

    async def revokes(self, consent: Consent) -> tuple[Consent, Entry]:
        """The patient takes it back."""
        with acting_under(self.tenant.capability("consent:write")):
            return await self.consents.revoke(consent.granted.consent_id, HERE)

    async def holds(self, *purposes: Purpose, any_therapist: bool = False) -> dict[Purpose, ConsentId]:
        """Somebody asks before working."""
        therapist = None if any_therapist else TherapistId(self.tenant.therapist_id)
        with acting_under(self.tenant.capability("consent:read")):
            return await self.consents.hold(PatientId(self.tenant.patient_id), therapist, purposes)

    async def chain(self) -> list[Entry]:
        """All entries of the organization, in order."""
        async with self.transaction("consent:read") as tx:
            return [entry for entry, _ in await self.store.entries_after(tx, 0)]

    async def lines(self) -> list[dict[str, Any]]:
        """All entries as a stranger gets them."""
        async with self.transaction("consent:read") as tx:
            return [line_json(entry, state) for entry, state in await self.store.entries_after(tx, 0)]

    async def in_force(self) -> InForceCheck:
        """What is acted on, as a stranger gets it."""
        found = InForceCheck()
        with acting_under(self.tenant.capability("consent:read")):
            rows, _ = await self.services.transparency.in_force(None, 1000)
        for row in rows:
            found.add(in_force_json(row))
        return found

    async def signs(self) -> Checkpoint:
        """The notary signs this organization's chain now."""
        async with self.database.without_capability() as tx:
            heads = await NotaryStore().heads(tx, None)
        (head,) = [head for head in heads if head.organization_id == self.tenant.organization_id]
        return await self.notary.sign(head)

    async def verdict(self, *, every_receipt: bool = False) -> Verdict:
        """What a stranger finds who has nothing but the key and what we serve."""
        vouchers = SignedEvidence(self.ring, str(self.tenant.organization_id))
        for note in await self.checkpoints.after(self.tenant.organization_id, 0, 1000):
            vouchers.add_checkpoint(note)
        return check(vouchers, await self.lines(), await self.in_force(), every_receipt=every_receipt)

    def parties(self, purpose: Purpose) -> ConsentParties:
        """The tenant's patient and therapist, for a purpose."""
        return ConsentParties(PatientId(self.tenant.patient_id), TherapistId(self.tenant.therapist_id), purpose)

    def everything(self) -> tuple[OrganizationId, PatientId, None]:
        """Return the parties for `lock_consents` with any therapist."""
        return OrganizationId(self.tenant.organization_id), PatientId(self.tenant.patient_id), None

    def ids(self) -> dict[str, UUID]:
        """The parameters of consent.hold."""
        tenant = self.tenant
        return {"organization": tenant.organization_id, "patient": tenant.patient_id, "therapist": tenant.therapist_id}

    @asynccontextmanager
    async def transaction(self, *scopes: str, patient: PatientId | None = None) -> AsyncIterator[Transaction]:
        """A transaction of svc_consent under these scopes."""
        with acting_under(self.tenant.capability(*scopes, patient=patient)):
            async with self.database.transaction() as tx:
                yield tx


def objects_of(infra: Infra) -> ObjectStore:
    """The object store of the tests."""
    store = infra.object_store
    return ObjectStore(
        StoreAddress(store.endpoint, store.access_key, store.secret_key, store.bucket, secure=store.secure)
    )


async def count(tx: Transaction, table: str) -> int:
    """How many rows of a table this transaction sees."""
    return int((await tx.execute(text(f"select count(*) from {table}"))).scalar_one())
