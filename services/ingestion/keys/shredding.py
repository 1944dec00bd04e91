"""Crypto-shredding: destroying a key makes content unreadable at once, wherever copies of its ciphertext exist."""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.common.database.transaction import Transaction
from libs.contracts.ids import OrganizationId, PatientId, SessionId
from services.ingestion.ports import Shredder


@dataclass(frozen=True)
class Shredded:
    """The number of destroyed keys, and the names of the objects that can no longer be decrypted."""

    keys: int
    object_names: Sequence[str]


async def shred_recording(shredder: Shredder, tx: Transaction, session_id: SessionId) -> Shredded:
    """Destroy the keys of a session's recordings in the caller's transaction. Idempotent."""
    names = await shredder.destroy_recording_keys(tx, session_id)
    return Shredded(len(names), names)


async def shred_patient(
    shredder: Shredder, tx: Transaction, organization_id: OrganizationId, patient_id: PatientId
) -> Shredded:
    """Destroy a patient's key and the keys of all the patient's recordings in the caller's transaction.

    Recordings' keys are destroyed too, so that a patient's key leaked from memory decrypts nothing.
    """
    names = await shredder.destroy_recording_keys_of_patient(tx, organization_id, patient_id)
    own = await shredder.destroy_patient_key(tx, organization_id, patient_id)
    return Shredded(len(names) + own, names)
