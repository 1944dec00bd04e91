"""Interfaces that the routes of commitments use."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from libs.contracts.ids import PatientId, SessionId
from libs.contracts.index import Correction
from services.embedder.commitments.domain import Commitment


@dataclass(frozen=True)
class Corrected:
    """A therapist's correction, and by whom."""

    status: Correction
    corrected_by: str


class CommitmentRepository(Protocol):
    """Reads commitments and keeps corrections."""

    async def of_patient(
        self, patient_id: PatientId, sessions: Collection[SessionId] | None = None
    ) -> list[Commitment]:
        """Return the patient's commitments as `sessions` tell them (None: all), oldest first."""
        ...

    async def correct(self, patient_id: PatientId, commitment_id: UUID, correction: Corrected) -> bool:
        """Add a therapist's correction; return False if there is no such commitment."""
        ...
