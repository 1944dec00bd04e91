"""Erasing for good: keys are destroyed and rows deleted at once, the rest follows and is counted into the receipt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from libs.common import capability
from libs.common.clock import Clock
from libs.common.database.transaction import Database, Transaction
from libs.common.errors import NOT_FOUND, UNAVAILABLE, AppError
from libs.common.events import Event
from libs.common.log import get_logger
from libs.common.messaging.steps import Step
from libs.contracts.capability import parse
from libs.contracts.erasure import Counted, Erasure
from libs.contracts.ids import ErasureId, OrganizationId, PatientId, SessionId
from libs.contracts.problems import LEGAL_HOLD
from libs.contracts.session import SessionStatusChanged
from services.ingestion.erasure.domain import OBJECTS, STORE_OF, Hold, Receipt, Subject, erasure_event
from services.ingestion.erasure.ports import Erasures, Holds, Removing, Retired
from services.ingestion.ports import Identify, Sessions

OBJECTS_AT_ONCE_MAX = 500
PASSES_MAX = 1000
RECORDINGS_AT_ONCE_MAX = 200
REPORTED_AGAIN_AFTER = timedelta(hours=1)
"""An erasure that some store has not answered for so long is told again when it is asked for again."""
ERASED = "erased"


@dataclass(frozen=True)
class Dependencies:
    """What erasing needs."""

    database: Database
    sessions: Sessions
    erasures: Erasures
    holds: Holds
    new_id: Identify
    clock: Clock


class ErasureService:
    """Erasures and holds as callers ask for them."""

    def __init__(self, dependencies: Dependencies) -> None:
        self._dependencies = dependencies

    async def erase_session(self, session_id: SessionId) -> Receipt:
        """Erase a session, or return the receipt of its erasure. Raises AppError: NOT_FOUND, LEGAL_HOLD."""
        async with self._dependencies.database.transaction() as tx:
            parties = await self._dependencies.sessions.parties_of(tx, session_id)
            if parties is None:
                before = await self._dependencies.erasures.find_of(tx, None, session_id)
                return await self._reported_again(tx, _known(before, "session"))
            return await self._erase(tx, Subject(parties.organization_id, parties.patient_id, session_id))

    async def erase_patient(self, patient_id: PatientId, *, known: bool) -> Receipt:
        """Erase a patient with all sessions, or return the receipt. `known`: the caller knows there is such a patient.

        Raises AppError: NOT_FOUND, LEGAL_HOLD.
        """
        async with self._dependencies.database.transaction() as tx:
            before = await self._dependencies.erasures.find_of(tx, patient_id, None)
            if before is None and known:
                return await self._erase(tx, Subject(_organization(), patient_id))
            return await self._reported_again(tx, _known(before, "patient"))

    async def find(self, erasure_id: ErasureId) -> Receipt:
        """Return a receipt; raise AppError(NOT_FOUND)."""
        async with self._dependencies.database.transaction() as tx:
            return _known(await self._dependencies.erasures.find(tx, erasure_id), "erasure")

    async def hold(self, patient_id: PatientId, *, held: bool) -> Hold:
        """Place or lift a legal hold."""
        async with self._dependencies.database.transaction() as tx:
            return await self._dependencies.holds.set_hold(
                tx, Subject(_organization(), patient_id), _actor(), held=held
            )

    async def _erase(self, tx: Transaction, subject: Subject) -> Receipt:
        erased = await self._dependencies.erasures.erase(tx, ErasureId(self._dependencies.new_id()), subject, _actor())
        if erased is None:
            raise AppError(LEGAL_HOLD, LEGAL_HOLD.doc)
        if not erased.is_repeat:
            await tx.emit(erasure_event(erased.receipt), *(_status_erased(subject, one) for one in erased.unfinished))
            get_logger().info("erasure.begun", count=erased.receipt.count)
        return erased.receipt

    async def _reported_again(self, tx: Transaction, receipt: Receipt) -> Receipt:
        # Whoever has answered finds nothing more; whoever could not, for longer than an event lives, gets a new one.
        if receipt.waiting_for and self._dependencies.clock() - receipt.requested_at > REPORTED_AGAIN_AFTER:
            await tx.emit(erasure_event(receipt))
        return receipt


class RemoveObjects(Step[Erasure, None]):
    """Something was erased: remove its ciphertext from the store, which no key opens any more."""

    def __init__(self, database: Database, erasures: Erasures, objects: Removing) -> None:
        self._database = database
        self._erasures = erasures
        self._objects = objects

    async def work(self, event: Erasure) -> None:
        """Remove them in bounded bites; what is not there any more is as good as removed."""
        last = ""
        for _ in range(PASSES_MAX):
            async with self._database.transaction() as tx:
                names = await self._erasures.discarded(tx, ErasureId(event.erasure_id), last, OBJECTS_AT_ONCE_MAX)
            for name in names:
                await self._objects.remove(name)
                last = name
            if len(names) < OBJECTS_AT_ONCE_MAX:
                return
        raise AppError(UNAVAILABLE, "There are more objects than one try removes.")

    async def record(self, event: Erasure, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Forget their names, and note in the receipt how many there were."""
        removed = await self._erasures.forget(tx, ErasureId(event.erasure_id))
        await self._erasures.add_result(tx, ErasureId(event.erasure_id), OBJECTS, {"object": removed})
        return ()


class Collect(Step[Counted, None]):
    """Another store says what it erased: note it in the receipt."""

    def __init__(self, erasures: Erasures) -> None:
        self._erasures = erasures

    async def record(self, event: Counted, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Note it; said twice, the first stands."""
        counts = {table.value: count for table, count in event.counts.items()}
        await self._erasures.add_result(tx, ErasureId(event.erasure_id), STORE_OF[event.type], counts)
        return ()


class Retention:
    """Deletes recordings of sessions that have been ready, or failed or withheld, for so many days; the words stay."""

    def __init__(self, retired: Retired, objects: Removing, ready_days: int, unfinished_days: int) -> None:
        self._retired = retired
        self._objects = objects
        self._days = (ready_days, unfinished_days)

    async def sweep(self) -> int:
        """Make one bounded pass; return how much there was to do. With 0 days recordings are kept."""
        retired = await self._retired.retire(*self._days, RECORDINGS_AT_ONCE_MAX)
        names = await self._retired.names(RECORDINGS_AT_ONCE_MAX)
        for name in names:
            await self._objects.remove(name)
        if names:
            await self._retired.forget(names)
        return max(retired, len(names))


def _status_erased(subject: Subject, session_id: SessionId) -> SessionStatusChanged:
    # For those who watch sessions that do not end.
    return SessionStatusChanged(
        organization_id=subject.organization_id, patient_id=subject.patient_id, session_id=session_id, status=ERASED
    )


def _known(receipt: Receipt | None, what: str) -> Receipt:
    if receipt is None:
        raise AppError(NOT_FOUND, f"There is no such {what}.")
    return receipt


def _organization() -> OrganizationId:
    # The database verifies the capability; what is read from it here only names the rows to write.
    return parse(capability.current()).organization_id


def _actor() -> str:
    return parse(capability.current()).actor
