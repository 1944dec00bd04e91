"""Interfaces to the stores that erasure uses."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from libs.common.database.transaction import Transaction
from libs.contracts.ids import ErasureId, PatientId, SessionId
from services.ingestion.erasure.domain import Erased, ErasureReceipt, Hold, Subject


class ErasedSubjects(Protocol):
    """Looks up erased subjects."""

    async def is_erased(self, tx: Transaction, patient_id: PatientId | None, session_id: SessionId | None) -> bool:
        """Return True if the patient or the session was erased."""


class Holds(Protocol):
    """Stores legal holds."""

    async def set_hold(self, tx: Transaction, subject: Subject, actor: str, *, held: bool) -> Hold:
        """Place or lift a legal hold."""


class Erasures(ErasedSubjects, Protocol):
    """Stores erasures, and erases the data of this service."""

    async def erase(self, tx: Transaction, erasure_id: ErasureId, subject: Subject, actor: str) -> Erased | None:
        """Erase this service's data of the subject, or return the earlier erasure; None under a legal hold."""

    async def find(self, tx: Transaction, erasure_id: ErasureId) -> ErasureReceipt | None:
        """Return an erasure visible to the capability."""

    async def find_for_subject(
        self, tx: Transaction, patient_id: PatientId | None, session_id: SessionId | None
    ) -> ErasureReceipt | None:
        """Return the erasure of a session or, if `session_id` is None, of a patient."""

    async def add_result(self, tx: Transaction, erasure_id: ErasureId, store: str, counts: Mapping[str, int]) -> None:
        """Add a store's result; the first one wins."""

    async def discarded(self, tx: Transaction, erasure_id: ErasureId, after: str, most: int) -> Sequence[str]:
        """Return the names of objects to delete, in lexical order."""

    async def forget(self, tx: Transaction, erasure_id: ErasureId) -> int:
        """Delete the names of deleted objects; return their number."""


class ExpiredRecordings(Protocol):
    """Recordings of all organizations whose retention period is over."""

    async def retire(self, ready_days: int, unfinished_days: int, most: int) -> int:
        """Delete expired recordings, their keys first; return their number. 0 days keeps them."""

    async def names(self, most: int) -> Sequence[str]:
        """Return the names of objects to delete."""

    async def forget(self, names: Sequence[str]) -> None:
        """Delete the names of deleted objects."""


class ObjectDeleter(Protocol):
    """An object store that can delete."""

    async def remove(self, name: str) -> None:
        """Delete an object; a missing object counts as deleted."""
