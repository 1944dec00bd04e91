"""What erasing needs from the world."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from libs.common.database.transaction import Transaction
from libs.contracts.ids import ErasureId, PatientId, SessionId
from services.ingestion.erasure.domain import Erased, Hold, Receipt, Subject


class ErasedSubjects(Protocol):
    """Knows what was erased."""

    async def is_erased(self, tx: Transaction, patient_id: PatientId | None, session_id: SessionId | None) -> bool:
        """Tell whether a patient or a session was erased."""


class Holds(Protocol):
    """Keeps legal holds."""

    async def set_hold(self, tx: Transaction, subject: Subject, actor: str, *, held: bool) -> Hold:
        """Place or lift a hold."""


class Erasures(ErasedSubjects, Protocol):
    """Keeps erasures, and erases what this service has."""

    async def erase(self, tx: Transaction, erasure_id: ErasureId, subject: Subject, actor: str) -> Erased | None:
        """Erase all that this service has of the subject, or return what was done before; None: a hold forbids it."""

    async def find(self, tx: Transaction, erasure_id: ErasureId) -> Receipt | None:
        """Return an erasure the capability may see."""

    async def find_of(
        self, tx: Transaction, patient_id: PatientId | None, session_id: SessionId | None
    ) -> Receipt | None:
        """Return the erasure of a session or, without one, of a patient."""

    async def add_result(self, tx: Transaction, erasure_id: ErasureId, store: str, counts: Mapping[str, int]) -> None:
        """Keep what a store erased; what it said first stands."""

    async def discarded(self, tx: Transaction, erasure_id: ErasureId, after: str, most: int) -> Sequence[str]:
        """Return objects that are to be removed, in the order of their names."""

    async def forget(self, tx: Transaction, erasure_id: ErasureId) -> int:
        """Forget objects, which have been removed; return how many."""


class Retired(Protocol):
    """Knows recordings that have been kept long enough, of all organizations."""

    async def retire(self, ready_days: int, unfinished_days: int, most: int) -> int:
        """Delete such recordings, their keys first; return how many. 0 days keep them."""

    async def names(self, most: int) -> Sequence[str]:
        """Return objects that are to be removed."""

    async def forget(self, names: Sequence[str]) -> None:
        """Forget objects that have been removed."""


class Removing(Protocol):
    """A store whose objects can be deleted."""

    async def remove(self, name: str) -> None:
        """Delete an object; one that is not there is as good as deleted."""
