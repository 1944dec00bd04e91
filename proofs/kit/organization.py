"""An organization of a proof's own, with the consent service's real parts in this process."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

from libs.common.capability import acting_under
from libs.common.clock import utc_now
from libs.common.database.transaction import Database, Transaction
from libs.common.ids import new_id
from libs.common.objects.store import ObjectStore, StoreAddress
from libs.contracts.capability import Claims, Minter
from libs.contracts.ids import OrganizationId, PatientId, TherapistId
from libs.contracts.purposes import Purpose
from libs.devstack.infra import Infra
from libs.ledger.signatures import Checkpoint, KeyRing, SigningKey
from services.consent.document_store import DocumentStore
from services.consent.domain import Consent, ConsentParties, Entry, Origin
from services.consent.handlers import Circumstances, Consents, GrantConsent, LedgerWriter
from services.consent.notary.checkpoints import CheckpointStore, Notary
from services.consent.notary.store import NotaryStore
from services.consent.store import LedgerStore
from services.consent.wiring import LEDGER_REFUSALS

LIFETIME = timedelta(hours=6)
HERE = Circumstances(Origin("192.0.2.1", "a proof"))


class Organization:
    """One organization: its ledger, its notary, and a capability for whatever a proof does."""

    def __init__(self, infra: Infra, seed_of_key: bytes, ledger: LedgerStore | None = None) -> None:
        self.organization_id = OrganizationId(uuid4())
        self.patient_id, self.therapist_id = PatientId(uuid4()), TherapistId(uuid4())
        self.key = SigningKey(seed_of_key)
        self.ring = KeyRing([self.key.public])
        self.database = Database(infra.database_url("consent"), LEDGER_REFUSALS)
        self.store = ledger or LedgerStore()
        self.consents = Consents(
            LedgerWriter(self.database, self.store, DocumentStore(), self.key, new_id, secrets.token_bytes)
        )
        self.checkpoints = CheckpointStore(_objects(infra))
        self.notary = Notary(self.database, self.checkpoints, self.key, self.ring)
        self._minter = Minter(infra.capability_key_id, infra.capability_key)

    def capability(self, *scopes: str, patient: PatientId | None = None) -> str:
        """Return a token with these scopes."""
        claims = Claims(
            organization_id=self.organization_id,
            actor="key:proof",
            scopes=frozenset(scopes),
            expires_at=utc_now() + LIFETIME,
            token_id=uuid4(),
            patient_id=patient,
        )
        return self._minter.mint(claims)

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Do what the gateway lets a key with consent:write do."""
        with acting_under(self.capability("consent:write")):
            yield

    async def grants(self, purpose: Purpose = Purpose.AI_ANALYSIS, patient: PatientId | None = None) -> Consent:
        """Grant through the service."""
        with self.acting():
            granted = await self.consents.grant(
                GrantConsent(
                    ConsentParties(patient or self.patient_id, self.therapist_id, purpose),
                    HERE,
                    document_sha256=bytes(32),
                )
            )
            return granted.consent

    async def revokes(self, consent: Consent) -> Entry:
        """Revoke through the service; return the revocation."""
        with self.acting():
            return (await self.consents.revoke(consent.granted.consent_id, HERE))[1]

    async def signs(self) -> Checkpoint:
        """Let the notary sign the chain now."""
        async with self.database.without_capability() as tx:
            heads = await NotaryStore().heads(tx, None)
        (head,) = [head for head in heads if head.organization_id == self.organization_id]
        return await self.notary.sign(head)

    async def entries(self, tx: Transaction) -> list[Entry]:
        """Return the whole chain as a transaction sees it."""
        found: list[Entry] = []
        while batch := await self.store.entries_after(tx, found[-1].position.seq if found else 0):
            found += [entry for entry, _ in batch]
        return found

    async def close(self) -> None:
        """Give the connections back."""
        await self.database.close()


def _objects(infra: Infra) -> ObjectStore:
    store = infra.object_store
    address = StoreAddress(store.endpoint, store.access_key, store.secret_key, store.bucket, secure=store.secure)
    return ObjectStore(address)
