"""What erasing is: a receipt that fills as each store says what it erased, and the stores that have to say so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.contracts.erasure import (
    AnswersErased,
    EvidenceErased,
    IndexErased,
    PatientErased,
    SessionErased,
    TranscriptErased,
    UserErased,
)
from libs.contracts.ids import ErasureId, OrganizationId, PatientId, SessionId

ROWS = "ingestion"
OBJECTS = "objects"
# Who reports which store; the two above are our own.
STORE_OF: Mapping[str, str] = {
    TranscriptErased.type: "transcriber",
    IndexErased.type: "embedder",
    AnswersErased.type: "chat",
    UserErased.type: "gateway",
    EvidenceErased.type: "consent",
}
OF_SESSION = frozenset({ROWS, OBJECTS, "transcriber", "embedder", "chat", "gateway"})
OF_PATIENT = OF_SESSION | {"consent"}


@dataclass(frozen=True)
class Subject:
    """Who or what is erased: a session, or a patient with all sessions."""

    organization_id: OrganizationId
    patient_id: PatientId
    session_id: SessionId | None = None


@dataclass(frozen=True)
class ErasureResult:
    """What one store erased: how many of what."""

    store: str
    counts: Mapping[str, int]
    at: datetime


@dataclass(frozen=True)
class Receipt:
    """An erasure and what has become of it so far."""

    id: ErasureId
    subject: Subject
    actor: str
    requested_at: datetime
    results: Sequence[ErasureResult] = ()

    @property
    def count(self) -> int:
        """Return how many rows, keys and objects the stores have erased so far."""
        return sum(count for result in self.results for count in result.counts.values())

    @property
    def waiting_for(self) -> Sequence[str]:
        """Return the stores that have not said yet that they have erased theirs."""
        wanted = OF_PATIENT if self.subject.session_id is None else OF_SESSION
        return sorted(wanted - {result.store for result in self.results})

    @property
    def completed_at(self) -> datetime | None:
        """Return when the last store was done; None while one is waited for."""
        return None if self.waiting_for else max(result.at for result in self.results)


@dataclass(frozen=True)
class Erased:
    """What asking for an erasure came to. `unfinished`: its sessions that had not come to an end."""

    receipt: Receipt
    unfinished: Sequence[SessionId] = ()
    is_repeat: bool = False


@dataclass(frozen=True)
class Hold:
    """Whether what is kept about a patient must be kept."""

    patient_id: PatientId
    held: bool
    changed_at: datetime | None = None


def erasure_event(receipt: Receipt) -> SessionErased | PatientErased:
    """Return the fact that has every other store erase what it has."""
    subject = receipt.subject
    if subject.session_id is None:
        return PatientErased(
            organization_id=subject.organization_id, patient_id=subject.patient_id, erasure_id=receipt.id
        )
    return SessionErased(
        organization_id=subject.organization_id,
        patient_id=subject.patient_id,
        session_id=subject.session_id,
        erasure_id=receipt.id,
    )
