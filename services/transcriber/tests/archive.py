"""One session on real PostgreSQL and the consent it stands on, with the verbs that tests of it speak."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from libs.common.capability import acting_under
from libs.common.database.transaction import Database, Transaction
from libs.common.ids import new_id
from libs.contracts.ids import PatientId, SessionId
from libs.contracts.tests.tenant import Tenant
from libs.devstack.infra import Infra
from services.transcriber.store import TranscriberStore
from services.transcriber.tests.world import transcript, uploaded

PURPOSES = ("recording", "transcription")
_CONSENT = text(
    "insert into event (id, organization_id, patient_id, therapist_id, consent_id, consent_type, status, at, actor,"
    " method, evidence_sha256)"
    " values (:id, :organization_id, :patient_id, :therapist_id, :consent_id, :purpose, :status,"
    " now(), 'test', 'electronic', sha256(''))"
)
_PUBLISHED = text("select count(*) from transcriber.outbox where key = :key and type = :type")


class Archive:
    """One session of a fresh organization, and the consent it stands on."""

    def __init__(self, infra: Infra, tenant: Tenant, consent: Database, database: Database) -> None:
        self.relay_url = infra.relay_database_url
        self.tenant, self.consent, self.database = tenant, consent, database
        self.store = TranscriberStore()
        self.event = uploaded(
            organization_id=tenant.organization_id, patient_id=tenant.patient_id, therapist_id=tenant.therapist_id
        )
        self.session_id = SessionId(self.event.session_id)
        self.first = transcript(self.event)

    @contextmanager
    def acting_under(
        self, *scopes: str, patient: PatientId | None = None, session: SessionId | None = None
    ) -> Iterator[None]:
        """Hold a capability of this organization."""
        with acting_under(
            self.tenant.capability(*(scopes or ("transcriber:write",)), patient=patient, session=session)
        ):
            yield

    @asynccontextmanager
    async def transaction(self, *scopes: str) -> AsyncIterator[Transaction]:
        """Open a transaction of the service."""
        with self.acting_under(*scopes):
            async with self.database.transaction() as tx:
                yield tx

    async def consent_is(self, status: str, *purposes: str) -> None:
        """Write into the ledger, as the consent service does."""
        with self.acting_under("consent:write"):
            async with self.consent.transaction() as tx:
                for purpose in purposes or PURPOSES:
                    ids = {"id": new_id(), "consent_id": new_id(), "status": status, "purpose": purpose}
                    whose = {name: getattr(self.tenant, name) for name in ("organization_id", "patient_id")}
                    await tx.execute(_CONSENT, ids | whose | {"therapist_id": self.tenant.therapist_id})

    async def published(self, event_type: str) -> int:
        """Count this session's facts in the outbox, as the relay sees them."""
        engine = create_async_engine(self.relay_url)
        try:
            async with engine.connect() as connection:
                asked = {"key": str(self.session_id), "type": event_type}
                return int((await connection.execute(_PUBLISHED, asked)).scalar_one())
        finally:
            await engine.dispose()

    async def added(self) -> None:
        """Add the first version."""
        async with self.transaction() as tx:
            assert await self.store.add(tx, self.first)
