"""The chain of keys from the root to one recording, made on first use."""

from libs.common.database import Database, Transaction
from libs.common.errors import NOT_FOUND, AppError
from libs.common.key_wrapping import KeyWrapping, LocalKey, new_key
from libs.contracts.ids import RecordingId
from services.ingestion.domain import Bond, Recording
from services.ingestion.ports import KeyShelf


class KeyChain:
    """Wraps and opens recordings' keys: root > organization > patient > recording.

    No transaction is open while a key above is asked, because the root may be a service on a network.
    """

    def __init__(self, root: KeyWrapping, database: Database, shelf: KeyShelf) -> None:
        self._root = root
        self._database = database
        self._shelf = shelf

    async def patient_key(self, bond: Bond) -> KeyWrapping:
        """Return a patient's key, made now if this is the patient's first recording."""
        organization, patient = await self._wrapped(bond)
        above = await self._organization_key(bond, organization)
        context = _context("patient-key", bond.organization_id, bond.patient_id)
        if patient is None:
            candidate = await above.wrap(new_key(), context)
            async with self._database.transaction() as tx:
                patient = await self._shelf.keep_patient_key(tx, bond, candidate)
        return LocalKey(await above.unwrap(patient, context))

    async def open(self, bond: Bond, recording: Recording) -> bytes:
        """Return a recording's keyset; raise AppError(NOT_FOUND) when a key above it was destroyed."""
        organization, patient = await self._wrapped(bond)
        if organization is None or patient is None:
            raise AppError(NOT_FOUND, "The key of this recording was destroyed.")
        key = await self.patient_key(bond)
        return await key.unwrap(recording.wrapped_keyset, recording_context(bond, recording.id))

    async def _wrapped(self, bond: Bond) -> tuple[bytes | None, bytes | None]:
        async with self._database.transaction() as tx:
            return await self._both(tx, bond)

    async def _both(self, tx: Transaction, bond: Bond) -> tuple[bytes | None, bytes | None]:
        return await self._shelf.organization_key(tx, bond.organization_id), await self._shelf.patient_key(tx, bond)

    async def _organization_key(self, bond: Bond, wrapped: bytes | None) -> KeyWrapping:
        context = _context("organization-key", bond.organization_id)
        if wrapped is None:
            candidate = await self._root.wrap(new_key(), context)
            async with self._database.transaction() as tx:
                wrapped = await self._shelf.keep_organization_key(tx, bond.organization_id, candidate)
        return LocalKey(await self._root.unwrap(wrapped, context))


def recording_context(bond: Bond, recording_id: RecordingId) -> bytes:
    """Return what a recording's wrapped key is bound to."""
    return _context("recording-key", bond.organization_id, bond.patient_id, recording_id)


def _context(*parts: object) -> bytes:
    return "\x1f".join(map(str, parts)).encode()
