"""SQL for erasures, legal holds and expired recordings. Deletes go through database functions (see the migrations)."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, TEXT, UUID, Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from libs.common.database.transaction import Database, Transaction
from libs.contracts.ids import ErasureId, OrganizationId, PatientId, SessionId
from libs.tenancy.erased_rows import erase, is_erased
from services.ingestion.domain import FINAL
from services.ingestion.erasure.domain import (
    OF_PATIENT,
    OF_SESSION,
    ROWS,
    Erased,
    ErasureReceipt,
    ErasureResult,
    Hold,
    Subject,
)
from services.ingestion.keys.shredding import shred_patient, shred_recording
from services.ingestion.keys.store import KeyStore
from services.ingestion.metrics import OLDEST_ERASURE

_ERASURE = "organization_id, patient_id, id, session_id, actor, requested_at"
_ADD = text(
    "insert into erasure (organization_id, patient_id, id, session_id, actor)"  # noqa: S608
    f" values (:organization_id, :patient_id, :id, :session_id, :actor) returning {_ERASURE}"
)
_BY_ID = text(f"select {_ERASURE} from erasure where id = :id")  # noqa: S608
_OF = text(
    f"select {_ERASURE} from erasure where (cast(:patient_id as uuid) is null or patient_id = :patient_id)"  # noqa: S608
    " and session_id is not distinct from :session_id"
).bindparams(bindparam("patient_id", type_=UUID()), bindparam("session_id", type_=UUID()))
_RESULTS = text("select store, counts, at from erasure_part where erasure_id = :id order by at, store").columns(
    counts=JSONB()
)
_ADD_RESULT = text(
    "insert into erasure_part (organization_id, patient_id, erasure_id, store, counts)"
    " select organization_id, patient_id, id, :store, :counts from erasure where id = :id on conflict do nothing"
).bindparams(bindparam("counts", type_=JSONB()))

# Changes nothing, and still locks the row of the hold, or makes one that can be locked.
_LOCK_HOLD = text(
    "insert into legal_hold as h (organization_id, patient_id, held, actor)"
    " values (:organization_id, :patient_id, false, :actor)"
    " on conflict (organization_id, patient_id) do update set held = h.held returning held"
)
_SET_HOLD = text(
    "insert into legal_hold as h (organization_id, patient_id, held, actor)"
    " values (:organization_id, :patient_id, :held, :actor) on conflict (organization_id, patient_id) do update"
    " set held = excluded.held, actor = case when h.held = excluded.held then h.actor else excluded.actor end,"
    " changed_at = case when h.held = excluded.held then h.changed_at else clock_timestamp() end"
    " returning held, changed_at"
)

_MARK_ERASED = text("select entomb(:id, :patient_id, :session_id)").bindparams(bindparam("session_id", type_=UUID()))
_NARROWED = "patient_id = :patient_id and (cast(:session_id as uuid) is null or session_id = :session_id)"
_DISCARD = text(
    "insert into discarded (organization_id, patient_id, session_id, object_name, erasure_id)"  # noqa: S608
    f" select organization_id, patient_id, session_id, object_name, :id from recording where {_NARROWED}"
    " on conflict do nothing"
).bindparams(bindparam("session_id", type_=UUID()))
_TAKE_OVER = text(
    f"update discarded set erasure_id = :id where erasure_id is null and {_NARROWED}"  # noqa: S608
).bindparams(bindparam("session_id", type_=UUID()))
_UNFINISHED = text(
    f"select session_id from session where {_NARROWED} and status <> all (:final) order by session_id"  # noqa: S608
).bindparams(bindparam("session_id", type_=UUID()))
_DISCARDED = text(
    "select object_name from discarded where erasure_id = :id and object_name > :after order by object_name limit :most"
)
_FORGET = text("delete from discarded_deletable where erasure_id = :id returning 1")

_RETIRE = text("select retire_recordings(:ready_days, :unfinished_days, :most)")
_OLDEST = text("select oldest_unfinished_erasure_s(:of_session, :of_patient)")
_DUE = text("select discarded_names(:most)")
_FORGET_DUE = text("select forget_discarded(:names)").bindparams(bindparam("names", type_=ARRAY(TEXT())))


class ErasureStore:
    """Implements ports.Erasures, Holds and ErasedSubjects. Row-level security limits what a transaction sees."""

    async def erase(self, tx: Transaction, erasure_id: ErasureId, subject: Subject, actor: str) -> Erased | None:
        """Delete the subject's data, keys first, and insert the receipt; return None under a legal hold."""
        whose = _of(subject) | {"id": erasure_id, "actor": actor}
        if (await tx.execute(_LOCK_HOLD, whose)).scalar_one():
            return None
        # The second of two concurrent requests waited for the lock above and finds the erasure of the first.
        before = await self.find_for_subject(tx, subject.patient_id, subject.session_id)
        if before is not None:
            return Erased(before, already_existed=True)
        row = (await tx.execute(_ADD, whose)).one()
        # Waits for concurrent inserts to commit, and refuses any later one.
        await tx.execute(_MARK_ERASED, whose)
        found = await tx.execute(_UNFINISHED, whose | {"final": [status.value for status in FINAL]})
        unfinished = [SessionId(one) for one in found.scalars()]
        # The names outlive the rows: the objects are removed after the commit, as often as it takes.
        await tx.execute(_DISCARD, whose)
        # What retention has set aside and not removed yet becomes this erasure's, and its receipt waits for it.
        await tx.execute(_TAKE_OVER, whose)
        keys = await _shred(tx, subject)
        rows = await erase(tx, erasure_id, subject.patient_id, subject.session_id)
        await self.add_result(tx, erasure_id, ROWS, {**rows, "keys": keys})
        return Erased(await self._read(tx, row), unfinished)

    async def find(self, tx: Transaction, erasure_id: ErasureId) -> ErasureReceipt | None:
        """Return an erasure with its results."""
        row = (await tx.execute(_BY_ID, {"id": erasure_id})).first()
        return None if row is None else await self._read(tx, row)

    async def find_for_subject(
        self, tx: Transaction, patient_id: PatientId | None, session_id: SessionId | None
    ) -> ErasureReceipt | None:
        """Return the erasure of a session or, if `session_id` is None, of a patient."""
        row = (await tx.execute(_OF, {"patient_id": patient_id, "session_id": session_id})).first()
        return None if row is None else await self._read(tx, row)

    async def is_erased(self, tx: Transaction, patient_id: PatientId | None, session_id: SessionId | None) -> bool:
        """Return True if there is a tombstone for either."""
        return await is_erased(tx, patient_id, session_id)

    async def add_result(self, tx: Transaction, erasure_id: ErasureId, store: str, counts: Mapping[str, int]) -> None:
        """Insert a store's result; the first one wins."""
        await tx.execute(_ADD_RESULT, {"id": erasure_id, "store": store, "counts": dict(counts)})

    async def set_hold(self, tx: Transaction, subject: Subject, actor: str, *, held: bool) -> Hold:
        """Place or lift a legal hold; without a change, actor and time stay as they are."""
        row = (await tx.execute(_SET_HOLD, _of(subject) | {"actor": actor, "held": held})).one()
        return Hold(subject.patient_id, row.held, row.changed_at)

    async def discarded(self, tx: Transaction, erasure_id: ErasureId, after: str, most: int) -> Sequence[str]:
        """Return the names of objects to delete, in lexical order."""
        return list((await tx.execute(_DISCARDED, {"id": erasure_id, "after": after, "most": most})).scalars())

    async def forget(self, tx: Transaction, erasure_id: ErasureId) -> int:
        """Delete the object names of an erasure; return their number."""
        return len((await tx.execute(_FORGET, {"id": erasure_id})).all())

    async def _read(self, tx: Transaction, row: Row[Any]) -> ErasureReceipt:
        results = [ErasureResult(one.store, one.counts, one.at) for one in await tx.execute(_RESULTS, {"id": row.id})]
        whose = None if row.session_id is None else SessionId(row.session_id)
        subject = Subject(OrganizationId(row.organization_id), PatientId(row.patient_id), whose)
        return ErasureReceipt(ErasureId(row.id), subject, row.actor, row.requested_at, tuple(results))


class ExpiredRecordingStore:
    """Implements ports.ExpiredRecordings. Works across organizations, but returns only object names."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def retire(self, ready_days: int, unfinished_days: int, most: int) -> int:
        """Delete expired recordings and record their object names for deletion; return their number."""
        async with self._database.without_capability() as tx:
            ages = {"ready_days": ready_days, "unfinished_days": unfinished_days, "most": most}
            return int((await tx.execute(_RETIRE, ages)).scalar_one())

    async def names(self, most: int) -> Sequence[str]:
        """Return the names of objects to delete."""
        async with self._database.without_capability() as tx:
            return list((await tx.execute(_DUE, {"most": most})).scalars())

    async def forget(self, names: Sequence[str]) -> None:
        """Delete the names of deleted objects."""
        async with self._database.without_capability() as tx:
            await tx.execute(_FORGET_DUE, {"names": list(names)})


class OldestErasureGauge:
    """Sets the metric for the age of the oldest erasure, of all organizations, that waits for a store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def update(self) -> int:
        """Update the gauge. Returns 0: a recurring job repeats at once while it returns work done."""
        store_counts = {"of_session": len(OF_SESSION), "of_patient": len(OF_PATIENT)}
        async with self._database.without_capability() as tx:
            OLDEST_ERASURE.set(float((await tx.execute(_OLDEST, store_counts)).scalar_one()))
        return 0


def _of(subject: Subject) -> dict[str, Any]:
    return {
        "organization_id": subject.organization_id,
        "patient_id": subject.patient_id,
        "session_id": subject.session_id,
    }


async def _shred(tx: Transaction, subject: Subject) -> int:
    if subject.session_id is not None:
        return (await shred_recording(KeyStore(), tx, subject.session_id)).keys
    return (await shred_patient(KeyStore(), tx, subject.organization_id, subject.patient_id)).keys
