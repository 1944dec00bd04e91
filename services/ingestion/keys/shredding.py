"""Crypto-shredding: a destroyed key makes content unreadable at once, wherever its ciphertext still lies."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.common.database.transaction import Transaction
from libs.contracts.ids import OrganizationId, PatientId, SessionId
from services.ingestion.ports import Shredder


@dataclass(frozen=True)
class Shredded:
    """How many keys are no more, and the objects whose ciphertext nobody can open any longer."""

    keys: int
    object_names: Sequence[str]


async def shred_recording(shredder: Shredder, tx: Transaction, session_id: SessionId) -> Shredded:
    """Destroy the keys of a session's recordings, in the caller's transaction; a second time finds nothing."""
    names = await shredder.destroy_recording_keys(tx, session_id)
    return Shredded(len(names), names)


async def shred_patient(
    shredder: Shredder, tx: Transaction, organization_id: OrganizationId, patient_id: PatientId
) -> Shredded:
    """Destroy a patient's key and those of each of the patient's recordings, in the caller's transaction.

    The patient's own would do; the others go as well, so that a key that was copied out of memory opens nothing.
    """
    names = await shredder.destroy_recording_keys_of_patient(tx, organization_id, patient_id)
    own = await shredder.destroy_patient_key(tx, organization_id, patient_id)
    return Shredded(len(names) + own, names)
