"""Interfaces to the stores, services and vendors that the handlers use."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from libs.common.database.transaction import Transaction
from libs.contracts.consent import ConsentRevoked
from libs.contracts.ids import PatientId, SessionId, TherapistId
from libs.contracts.purposes import Purpose
from services.embedder.domain import ClaimedAct, Hits, Index, Model, ModelsInUse, Question, Source, Transcript, Turn

Vector = Sequence[float]


class TextEmbedder(Protocol):
    """Embeds texts with one model. Raises AppError, whose detail never contains a vendor's text."""

    @property
    def model(self) -> Model:
        """Return the embedding model."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector per text, in order; texts must not be empty."""
        ...


class TurnEncoder(Protocol):
    """Sentence vectors of the local model, whichever model embeds the passages."""

    def knows(self, word: str) -> bool:
        """Tell whether the model knows a word whole, as it does common English words."""
        ...

    async def encode(self, texts: Sequence[str]) -> list[Vector]:
        """Return one unit vector per text, in order."""
        ...


class CommitmentFinder(Protocol):
    """A vendor's model that reads a session for what was taken on. Raises AppError without a vendor's text."""

    async def find(self, turns: Sequence[Turn]) -> Sequence[ClaimedAct]:
        """Return what the turns do for commitments, as the model says."""
        ...


class Consents(Protocol):
    """The consent service."""

    async def hold(self, patient_id: PatientId, therapist_id: TherapistId, purpose: Purpose) -> None:
        """Require consent to the purpose. Raises AppError(CONSENT_REQUIRED)."""
        ...


class Transcripts(Protocol):
    """The transcriber."""

    async def current(self, session_id: SessionId) -> Transcript:
        """Return the newest version of a session's transcript. Raises AppError(NOT_FOUND)."""
        ...


class Derived(Protocol):
    """Keeps what is made of an index besides its passages: mentions of commitments, a digest."""

    async def add(self, tx: Transaction, index: Index) -> None:
        """Add it for an index that has just replaced the session's."""
        ...


class IndexRepository(Protocol):
    """Stores the index. Reads return only what consent and capability allow."""

    async def embedded_hashes(self, source: Source, model: Model) -> set[bytes]:
        """Return the content hashes of a session that have a vector of this model."""
        ...

    async def add_vectors(self, source: Source, model: Model, vectors: Mapping[bytes, Vector]) -> None:
        """Store paid vectors at once, before anything else can fail."""
        ...

    async def replace(self, tx: Transaction, index: Index) -> bool:
        """Replace the session's index; return False if a newer version exists."""
        ...

    async def withdraw(self, tx: Transaction, event: ConsentRevoked, delete_after: datetime) -> None:
        """Schedule the deletion of the index under this consent; row-level security hides it already."""
        ...

    async def search(
        self, question: Question, model: Model, vector: Vector | None, turn_vector: Vector | None = None
    ) -> Hits:
        """Return the patient's best passages, best first; by text alone without a vector, or where passages have none.

        `turn_vector` is the question's vector of the local model, with which turns are compared.
        """
        ...

    async def spoken(self, question: Question) -> Mapping[str, int]:
        """Return the words of the sessions that a question is asked of, and in how many passages each is."""
        ...

    async def models_in_use(self) -> ModelsInUse:
        """Return whose vectors the capability's organization has."""
        ...
