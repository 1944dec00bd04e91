"""Narrows a transaction to a patient before it looks a row up by its id, so that the policies' index serves."""

from uuid import UUID

from sqlalchemy import TextClause, text

from libs.common.database.transaction import Transaction

_NARROW = text("select set_config('ctx.patient', :patient_id, true)")


def narrow_to(name: str) -> TextClause:
    """Return the statement that asks a schema's `narrow_to_<name>` (libs/tenancy/isolation.py, `narrowing`)."""
    return text(f"select narrow_to_{name}(:id)")


async def narrow(tx: Transaction, patient_id: UUID) -> None:
    """Narrow the transaction to a patient: from here on it sees no other's rows."""
    await tx.execute(_NARROW, {"patient_id": str(patient_id)})


async def is_narrowed(tx: Transaction, statement: TextClause, wanted: UUID) -> bool:
    """Narrow the transaction to the patient whose row has this id; False when the capability sees no such row.

    A capability that names a patient is narrow already: whether there is a row, its policies tell.
    """
    return (await tx.execute(statement, {"id": wanted})).scalar_one() is not None
