"""A real database for the measurement, and patients in it who have said yes."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

from sqlalchemy import text

from evals.retrieval.ours import Ground, Patient
from libs.common.capability import acting_under
from libs.common.clock import utc_now
from libs.common.database.transaction import Database
from libs.common.ids import new_id
from libs.contracts.capability import Claims, Minter
from libs.contracts.ids import OrganizationId, PatientId, TherapistId
from libs.contracts.problems import REFUSALS
from libs.contracts.purposes import Purpose
from libs.devstack import infra
from services.embedder.domain import Weights
from services.embedder.store import IndexStore
from services.embedder.vendors.token_counts import cl100k_counter

LIFETIME = timedelta(hours=2)
SCOPES = frozenset({"consent:write", "embedder:write"})

_GRANT = text(
    "insert into event (id, organization_id, patient_id, therapist_id, consent_id, consent_type, status, at, actor,"
    " method, evidence_sha256) values (:id, :organization_id, :patient_id, :therapist_id, :consent_id, :purpose,"
    " 'granted', now(), 'eval', 'electronic', sha256(''))"
)


@asynccontextmanager
async def ground(weights: Weights) -> AsyncIterator[Ground]:
    """Start throw-away servers and hand over the migrated database."""
    with infra.throwaway() as made:
        minter = Minter(made.capability_key_id, made.capability_key)
        consent = Database(made.database_url("consent"), REFUSALS)
        url = made.database_url("embedder")
        database = Database(url, REFUSALS)

        async def new_patient() -> Patient:
            patient = _patient(minter)
            with patient.acting_under():
                await _grant(consent, patient)
            return patient

        try:
            yield Ground(database, IndexStore(database, weights), new_patient, cl100k_counter(), url)
        finally:
            await consent.close()
            await database.close()


def _patient(minter: Minter) -> Patient:
    organization, patient = OrganizationId(new_id()), PatientId(new_id())

    @contextmanager
    def hold() -> Iterator[None]:
        claims = Claims(organization, "eval", SCOPES, utc_now() + LIFETIME, new_id(), patient_id=patient)
        with acting_under(minter.mint(claims)):
            yield

    return Patient(organization, patient, TherapistId(new_id()), hold)


async def _grant(consent: Database, patient: Patient) -> None:
    async with consent.transaction() as tx:
        for purpose in (Purpose.TRANSCRIPTION, Purpose.AI_ANALYSIS):
            await tx.execute(
                _GRANT,
                {
                    "id": new_id(),
                    "organization_id": patient.organization_id,
                    "patient_id": patient.patient_id,
                    "therapist_id": patient.therapist_id,
                    "consent_id": new_id(),
                    "purpose": purpose.value,
                },
            )
