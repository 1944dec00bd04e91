"""One patient's index on real PostgreSQL, with the verbs that tests of it speak."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from sqlalchemy import text

from libs.common.capability import acting_under
from libs.common.database.transaction import Database
from libs.common.ids import new_id
from libs.contracts.ids import OrganizationId, PatientId
from libs.contracts.purposes import Purpose
from libs.contracts.tests.tenant import Tenant
from libs.devstack.infra import Infra
from services.embedder.domain import Hit, Index, Model, Question, Source, Turn, Weights
from services.embedder.ports import Vector
from services.embedder.store import IndexStore
from services.embedder.tests.world import index_of, source

MODEL = Model("all-MiniLM-L6-v2-int8", 384)
OTHER_MODEL = Model("text-embedding-3-small", 1536)
RANDOM = np.random.default_rng(20261124)

_CONSENT = text(
    "insert into event (id, organization_id, patient_id, therapist_id, consent_id, consent_type, status, at, actor,"
    " method, evidence_sha256)"
    " values (:id, :organization_id, :patient_id, :therapist_id, :consent_id, :purpose, :status,"
    " now(), 'test', 'electronic', sha256(''))"
)


class Archive:
    """One patient's index and the consent it stands on."""

    def __init__(self, infra: Infra, tenant: Tenant, consent: Database, database: Database) -> None:
        self.infra, self.tenant, self.consent, self.database = infra, tenant, consent, database
        self.store = IndexStore(database, Weights())
        self.source = self.new_session()
        self.vectors: dict[bytes, list[float]] = {}

    def new_session(self) -> Source:
        """Return another session of this patient."""
        return replace(
            source(),
            organization_id=OrganizationId(self.tenant.organization_id),
            patient_id=PatientId(self.tenant.patient_id),
            therapist_id=self.tenant.therapist_id,
        )

    @contextmanager
    def acting_under(self, *scopes: str, patient: bool = True) -> Iterator[None]:
        """Hold a capability of this tenant."""
        named = self.tenant.patient_id if patient else None
        with acting_under(self.tenant.capability(*(scopes or ("embedder:write", "embedder:read")), patient=named)):
            yield

    async def change_consent(self, status: str, *purposes: Purpose) -> None:
        """Write events into the ledger, as the consent service does; without purposes for both that a search needs."""
        with self.acting_under("consent:write"):
            async with self.consent.transaction() as tx:
                whose = {"organization_id": self.tenant.organization_id, "patient_id": self.tenant.patient_id}
                for purpose in purposes or (Purpose.TRANSCRIPTION, Purpose.AI_ANALYSIS):
                    ids = {"id": new_id(), "therapist_id": self.tenant.therapist_id, "consent_id": new_id()}
                    await tx.execute(_CONSENT, {**whose, **ids, "purpose": purpose.value, "status": status})

    async def add(self, whose: Source, turns: tuple[Turn, ...], model: Model = MODEL) -> Index:
        """Index turns with random vectors."""
        index = index_of(whose, turns, model)
        await self.store_index(index)
        return index

    async def store_index(self, index: Index) -> None:
        """Store an index with random vectors of its passages."""
        self.vectors = vectors_of(index)
        with self.acting_under():
            await self.store.add_vectors(index.source, index.model, self.vectors)
            async with self.database.transaction() as tx:
                assert await self.store.replace(tx, index)

    async def search(self, asked: str = "walks with my sister", limit: int = 50, **parts: object) -> list[Hit]:
        """Search this patient's index with a vector."""
        question = replace(Question(PatientId(self.tenant.patient_id), asked, limit), **parts)  # type: ignore[arg-type]
        with self.acting_under():
            return await hits_of(self.store, question, vector_of(MODEL))


async def hits_of(
    store: IndexStore, question: Question, vector: Vector | None, turn_vector: Vector | None = None
) -> list[Hit]:
    """Search and return the hits alone."""
    return list((await store.search(question, MODEL, vector, turn_vector)).hits)


def about(archive: Archive, limit: int = 50, asked: str = "walks with my sister") -> Question:
    return Question(PatientId(archive.tenant.patient_id), asked, limit)


def vector_of(model: Model) -> list[float]:
    vector = RANDOM.normal(size=model.dimension)
    return [float(value) for value in vector / np.linalg.norm(vector)]


def vectors_of(index: Index) -> dict[bytes, list[float]]:
    return {passage.content_hash: vector_of(index.model) for passage in index.passages}
