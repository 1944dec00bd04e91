"""Erasures, holds and recordings that are to go: all SQL on them. The database's own functions delete (see there)."""

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
    ErasureResult,
    Hold,
    Receipt,
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
    """Implements ports.Erasures, Holds and ErasedSubjects. Row-level security decides what a capability sees."""

    async def erase(self, tx: Transaction, erasure_id: ErasureId, subject: Subject, actor: str) -> Erased | None:
        """Delete what is here of the subject, keys first, and insert the receipt; None while a hold is in force."""
        whose = _of(subject) | {"id": erasure_id, "actor": actor}
        if (await tx.execute(_LOCK_HOLD, whose)).scalar_one():
            return None
        # Two who ask at once: the second waited for the lock above and finds what the first one did.
        before = await self.find_of(tx, subject.patient_id, subject.session_id)
        if before is not None:
            return Erased(before, is_repeat=True)
        row = (await tx.execute(_ADD, whose)).one()
        # Waits for rows under way; from here on none comes in.
        await tx.execute(_MARK_ERASED, whose)
        found = await tx.execute(_UNFINISHED, whose | {"final": [status.value for status in FINAL]})
        unfinished = [SessionId(one) for one in found.scalars()]
        await tx.execute(_DISCARD, whose)
        await tx.execute(_TAKE_OVER, whose)
        keys = await _shred(tx, subject)
        rows = await erase(tx, erasure_id, subject.patient_id, subject.session_id)
        await self.add_result(tx, erasure_id, ROWS, {**rows, "keys": keys})
        return Erased(await self._read(tx, row), unfinished)

    async def find(self, tx: Transaction, erasure_id: ErasureId) -> Receipt | None:
        """Read an erasure with what it has come to."""
        row = (await tx.execute(_BY_ID, {"id": erasure_id})).first()
        return None if row is None else await self._read(tx, row)

    async def find_of(
        self, tx: Transaction, patient_id: PatientId | None, session_id: SessionId | None
    ) -> Receipt | None:
        """Read the erasure of a session or, without one, of a patient."""
        row = (await tx.execute(_OF, {"patient_id": patient_id, "session_id": session_id})).first()
        return None if row is None else await self._read(tx, row)

    async def is_erased(self, tx: Transaction, patient_id: PatientId | None, session_id: SessionId | None) -> bool:
        """Tell whether there is a tombstone for either."""
        return await is_erased(tx, patient_id, session_id)

    async def add_result(self, tx: Transaction, erasure_id: ErasureId, store: str, counts: Mapping[str, int]) -> None:
        """Insert what a store erased; what it said first stands."""
        await tx.execute(_ADD_RESULT, {"id": erasure_id, "store": store, "counts": dict(counts)})

    async def set_hold(self, tx: Transaction, subject: Subject, actor: str, *, held: bool) -> Hold:
        """Place or lift a hold; one that is so already stays as it is."""
        row = (await tx.execute(_SET_HOLD, _of(subject) | {"actor": actor, "held": held})).one()
        return Hold(subject.patient_id, row.held, row.changed_at)

    async def discarded(self, tx: Transaction, erasure_id: ErasureId, after: str, most: int) -> Sequence[str]:
        """Read names of objects that are to be removed."""
        return list((await tx.execute(_DISCARDED, {"id": erasure_id, "after": after, "most": most})).scalars())

    async def forget(self, tx: Transaction, erasure_id: ErasureId) -> int:
        """Forget the objects of an erasure."""
        return len((await tx.execute(_FORGET, {"id": erasure_id})).all())

    async def _read(self, tx: Transaction, row: Row[Any]) -> Receipt:
        results = [ErasureResult(one.store, one.counts, one.at) for one in await tx.execute(_RESULTS, {"id": row.id})]
        whose = None if row.session_id is None else SessionId(row.session_id)
        subject = Subject(OrganizationId(row.organization_id), PatientId(row.patient_id), whose)
        return Receipt(ErasureId(row.id), subject, row.actor, row.requested_at, tuple(results))


class KeptLongEnough:
    """Implements ports.Retired: works for all organizations at once, and learns nothing but names of objects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def retire(self, ready_days: int, unfinished_days: int, most: int) -> int:
        """Delete recordings whose sessions have been ready, or failed or withheld, for so long; note their objects."""
        async with self._database.without_capability() as tx:
            ages = {"ready_days": ready_days, "unfinished_days": unfinished_days, "most": most}
            return int((await tx.execute(_RETIRE, ages)).scalar_one())

    async def names(self, most: int) -> Sequence[str]:
        """Read names of objects that are to be removed."""
        async with self._database.without_capability() as tx:
            return list((await tx.execute(_DUE, {"most": most})).scalars())

    async def forget(self, names: Sequence[str]) -> None:
        """Forget objects that have been removed."""
        async with self._database.without_capability() as tx:
            await tx.execute(_FORGET_DUE, {"names": list(names)})


class Unfinished:
    """Erasures that a store has not answered, of all organizations: how old the oldest is, in a metric."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def look(self) -> int:
        """Look once; there is nothing to do about it here."""
        wanted = {"of_session": len(OF_SESSION), "of_patient": len(OF_PATIENT)}
        async with self._database.without_capability() as tx:
            OLDEST_ERASURE.set(float((await tx.execute(_OLDEST, wanted)).scalar_one()))
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
