"""Calls what `tombstones` gave a schema: erase a share, and ask whether something was erased."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from libs.common.database.transaction import Transaction

# With their types, because a null by itself does not tell PostgreSQL which.
_SESSION = bindparam("session_id", type_=Uuid())
_PATIENT = bindparam("patient_id", type_=Uuid())
_ERASE = text("select erase(:erasure_id, :patient_id, :session_id) as counts").bindparams(_SESSION)
_ERASE_COUNTED = _ERASE.columns(counts=JSONB())
_IS_ERASED = text(
    "select 1 from tombstone"
    " where (patient_id = :patient_id and session_id is null) or session_id = :session_id limit 1"
).bindparams(_PATIENT, _SESSION)


async def erase(tx: Transaction, erasure_id: UUID, patient_id: UUID, session_id: UUID | None) -> Mapping[str, int]:
    """Erase a session's rows or, without one, a patient's, for good; return how many of which table."""
    asked = {"erasure_id": erasure_id, "patient_id": patient_id, "session_id": session_id}
    counts: Mapping[str, int] = (await tx.execute(_ERASE_COUNTED, asked)).scalar_one()
    return counts


async def is_erased(tx: Transaction, patient_id: UUID | None, session_id: UUID | None) -> bool:
    """Tell whether a patient or a session was erased, as far as the capability may know."""
    asked = {"patient_id": patient_id, "session_id": session_id}
    return (await tx.execute(_IS_ERASED, asked)).first() is not None
