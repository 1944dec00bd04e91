"""Erasure use cases: destroy keys and delete rows at once, delete objects later, and collect results in the receipt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from libs.common import capability
from libs.common.clock import Clock
from libs.common.database.transaction import Database, Transaction
from libs.common.errors import NOT_FOUND, UNAVAILABLE, AppError
from libs.common.events import Event
from libs.common.ids import Identify
from libs.common.log import get_logger
from libs.common.messaging.steps import Step
from libs.contracts.capability import parse
from libs.contracts.erasure import Counted, Erasure
from libs.contracts.ids import ErasureId, OrganizationId, PatientId, SessionId
from libs.contracts.problems import LEGAL_HOLD
from libs.contracts.session import SessionStatusChanged
from services.ingestion.erasure.domain import OBJECTS, STORE_OF, ErasureReceipt, Hold, Subject, erasure_event
from services.ingestion.erasure.ports import Erasures, ExpiredRecordings, Holds, ObjectDeleter
from services.ingestion.ports import Sessions

OBJECT_BATCH_MAX = 500
PASSES_MAX = 1000
RECORDING_BATCH_MAX = 200
REPUBLISH_AFTER = timedelta(hours=1)
"""A repeated erasure request republishes the event to stores that have not answered within this time."""
ERASED = "erased"


@dataclass(frozen=True)
class ErasureDependencies:
    """Dependencies of ErasureService."""

    database: Database
    sessions: Sessions
    erasures: Erasures
    holds: Holds
    new_id: Identify
    clock: Clock


class ErasureService:
    """Erases sessions and patients, and sets legal holds."""

    def __init__(self, dependencies: ErasureDependencies) -> None:
        self._dependencies = dependencies

    async def erase_session(self, session_id: SessionId) -> ErasureReceipt:
        """Erase a session, or return the receipt of its erasure. Raises AppError: NOT_FOUND, LEGAL_HOLD."""
        async with self._dependencies.database.transaction() as tx:
            parties = await self._dependencies.sessions.parties_of(tx, session_id)
            if parties is None:
                # No row: never there, not for this caller to see, or erased already. Only the receipt can tell.
                before = await self._dependencies.erasures.find_for_subject(tx, None, session_id)
                return await self._republish_if_stale(tx, _require(before, "session"))
            return await self._erase(tx, Subject(parties.organization_id, parties.patient_id, session_id))

    async def erase_patient(self, patient_id: PatientId, *, known: bool) -> ErasureReceipt:
        """Erase a patient with all sessions, or return the receipt. `known`: the caller knows that the patient exists.

        Raises AppError: NOT_FOUND, LEGAL_HOLD.
        """
        async with self._dependencies.database.transaction() as tx:
            before = await self._dependencies.erasures.find_for_subject(tx, patient_id, None)
            if before is None and known:
                return await self._erase(tx, Subject(_organization(), patient_id))
            return await self._republish_if_stale(tx, _require(before, "patient"))

    async def find(self, erasure_id: ErasureId) -> ErasureReceipt:
        """Return a receipt; raise AppError(NOT_FOUND)."""
        async with self._dependencies.database.transaction() as tx:
            return _require(await self._dependencies.erasures.find(tx, erasure_id), "erasure")

    async def hold(self, patient_id: PatientId, *, held: bool) -> Hold:
        """Place or lift a legal hold."""
        async with self._dependencies.database.transaction() as tx:
            return await self._dependencies.holds.set_hold(
                tx, Subject(_organization(), patient_id), _actor(), held=held
            )

    async def _erase(self, tx: Transaction, subject: Subject) -> ErasureReceipt:
        erased = await self._dependencies.erasures.erase(tx, ErasureId(self._dependencies.new_id()), subject, _actor())
        if erased is None:
            raise AppError(LEGAL_HOLD, LEGAL_HOLD.doc)
        if not erased.already_existed:
            await tx.emit(erasure_event(erased.receipt), *(_status_erased(subject, one) for one in erased.unfinished))
            get_logger().info("erasure.started", count=erased.receipt.count)
        return erased.receipt

    async def _republish_if_stale(self, tx: Transaction, receipt: ErasureReceipt) -> ErasureReceipt:
        # An event expires before a long outage ends. Stores that have answered already find nothing left to erase.
        if receipt.waiting_for and self._dependencies.clock() - receipt.requested_at > REPUBLISH_AFTER:
            await tx.emit(erasure_event(receipt))
        return receipt


class RemoveObjects(Step[Erasure, None]):
    """Deletes the ciphertext of an erased subject, which no key can decrypt."""

    def __init__(self, database: Database, erasures: Erasures, objects: ObjectDeleter) -> None:
        self._database = database
        self._erasures = erasures
        self._objects = objects

    async def work(self, event: Erasure) -> None:
        """Delete in batches; a missing object counts as deleted. Raises AppError(UNAVAILABLE) above PASSES_MAX."""
        last = ""
        for _ in range(PASSES_MAX):
            async with self._database.transaction() as tx:
                names = await self._erasures.discarded(tx, ErasureId(event.erasure_id), last, OBJECT_BATCH_MAX)
            for name in names:
                await self._objects.remove(name)
                last = name
            if len(names) < OBJECT_BATCH_MAX:
                return
        raise AppError(UNAVAILABLE, "More objects remain than one attempt deletes.")

    async def record(self, event: Erasure, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Delete the object names, and add their number to the receipt."""
        # Only now: until every object is gone its name is all that leads to it.
        removed = await self._erasures.forget(tx, ErasureId(event.erasure_id))
        await self._erasures.add_result(tx, ErasureId(event.erasure_id), OBJECTS, {"object": removed})
        return ()


class RecordErasureResult(Step[Counted, None]):
    """Adds the result of another store to the receipt."""

    def __init__(self, erasures: Erasures) -> None:
        self._erasures = erasures

    async def record(self, event: Counted, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Add the result; a second result of the same store is ignored."""
        counts = {table.value: count for table, count in event.counts.items()}
        await self._erasures.add_result(tx, ErasureId(event.erasure_id), STORE_OF[event.type], counts)
        return ()


class Retention:
    """Deletes recordings `ready_days` after ready, or `unfinished_days` after failed or withheld; transcripts stay."""

    def __init__(
        self, expired: ExpiredRecordings, objects: ObjectDeleter, ready_days: int, unfinished_days: int
    ) -> None:
        self._expired = expired
        self._objects = objects
        self._days = (ready_days, unfinished_days)

    async def sweep(self) -> int:
        """Delete one batch; return the amount of work found. 0 days keeps recordings forever."""
        # First the key, then the object: from the commit on the ciphertext opens for nobody, even if the store is down.
        retired = await self._expired.retire(*self._days, RECORDING_BATCH_MAX)
        names = await self._expired.names(RECORDING_BATCH_MAX)
        for name in names:
            await self._objects.remove(name)
        if names:
            await self._expired.forget(names)
        return max(retired, len(names))


def _status_erased(subject: Subject, session_id: SessionId) -> SessionStatusChanged:
    # Ends the event streams of clients that watch a session in progress.
    return SessionStatusChanged(
        organization_id=subject.organization_id, patient_id=subject.patient_id, session_id=session_id, status=ERASED
    )


def _require(receipt: ErasureReceipt | None, what: str) -> ErasureReceipt:
    if receipt is None:
        raise AppError(NOT_FOUND, f"There is no such {what}.")
    return receipt


def _organization() -> OrganizationId:
    # Not verified here: the database verifies the capability; these claims only name the rows to write.
    return parse(capability.current()).organization_id


def _actor() -> str:
    return parse(capability.current()).actor
