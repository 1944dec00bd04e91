"""What the embedder needs from outside."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from libs.common.database.transaction import Transaction
from libs.contracts.consent import ConsentRevoked
from libs.contracts.ids import PatientId, SessionId, TherapistId
from libs.contracts.purposes import Purpose
from services.embedder.domain import Hit, Index, Model, Question, Source, Transcript

Vector = Sequence[float]


class TextEmbedder(Protocol):
    """Turns words into vectors of one model. Raises AppError, never with a vendor's text."""

    @property
    def model(self) -> Model:
        """Return whose vectors these are."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector per text, in order; texts are not empty."""
        ...


class Consents(Protocol):
    """The consent service."""

    async def hold(self, patient_id: PatientId, therapist_id: TherapistId, purpose: Purpose) -> None:
        """Return if the purpose may be pursued now; raise AppError(CONSENT_REQUIRED) if not."""
        ...


class Transcripts(Protocol):
    """The transcriber."""

    async def current(self, session_id: SessionId) -> Transcript:
        """Return the newest version of a session's words; raise AppError(NOT_FOUND) if there is none."""
        ...


class IndexRepository(Protocol):
    """Where the index is kept. Every read sees only what consent and capability allow."""

    async def embedded_hashes(self, source: Source, model: Model) -> set[bytes]:
        """Return the hashes of the session's words that have a vector of this model."""
        ...

    async def add_vectors(self, source: Source, model: Model, vectors: Mapping[bytes, Vector]) -> None:
        """Keep bought vectors at once, before anything else can fail."""
        ...

    async def replace(self, tx: Transaction, index: Index) -> bool:
        """Make this version the session's index; False if a newer one is there already."""
        ...

    async def withdraw(self, tx: Transaction, event: ConsentRevoked, delete_after: datetime) -> None:
        """Note from when on what came from this consent is to be deleted; it is hidden already."""
        ...

    async def search(self, question: Question, model: Model, vector: Vector | None) -> list[Hit]:
        """Return the best passages of the patient, best first; without a vector by their words alone."""
        ...
