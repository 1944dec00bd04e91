"""Domain model of erasures: a receipt, the results of the stores, and the stores that must report one."""

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
# The store that each event reports on; the two above belong to ingestion itself.
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
    """What is erased: a session, or a patient with all sessions."""

    organization_id: OrganizationId
    patient_id: PatientId
    session_id: SessionId | None = None


@dataclass(frozen=True)
class ErasureResult:
    """The number of rows, keys or objects that one store erased, by kind."""

    store: str
    counts: Mapping[str, int]
    at: datetime


@dataclass(frozen=True)
class ErasureReceipt:
    """An erasure and its results so far."""

    id: ErasureId
    subject: Subject
    actor: str
    requested_at: datetime
    results: Sequence[ErasureResult] = ()

    @property
    def count(self) -> int:
        """Return the number of rows, keys and objects erased so far."""
        return sum(count for result in self.results for count in result.counts.values())

    @property
    def waiting_for(self) -> Sequence[str]:
        """Return the stores that have not reported a result."""
        # Consents are between people and not about a session: only a patient's erasure takes their evidence.
        required = OF_PATIENT if self.subject.session_id is None else OF_SESSION
        return sorted(required - {result.store for result in self.results})

    @property
    def completed_at(self) -> datetime | None:
        """Return the time of the last result; None while a store is missing."""
        return None if self.waiting_for else max(result.at for result in self.results)


@dataclass(frozen=True)
class Erased:
    """The outcome of an erasure request. `unfinished`: erased sessions that were still in progress."""

    receipt: ErasureReceipt
    unfinished: Sequence[SessionId] = ()
    already_existed: bool = False


@dataclass(frozen=True)
class Hold:
    """Whether a patient's data is under a legal hold and must not be deleted."""

    patient_id: PatientId
    held: bool
    changed_at: datetime | None = None


def erasure_event(receipt: ErasureReceipt) -> SessionErased | PatientErased:
    """Return the event on which every other store erases its data."""
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
