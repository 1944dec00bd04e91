"""The key hierarchy from the root key to a recording, created on first use."""

from libs.common.database.transaction import Database
from libs.common.errors import NOT_FOUND, AppError
from libs.common.keys.key_wrapping import KeyWrapping, LocalKey, new_key
from libs.contracts.ids import OrganizationId, PatientId, RecordingId
from services.ingestion.domain import OrganizationKey, PatientKey, Recording, SessionParties
from services.ingestion.ports import KeyRepository


class KeyChain:
    """Wraps and unwraps recordings' keys: root > organization (versioned) > patient > recording.

    Never calls the root key inside a transaction, because it may be a network service.
    """

    def __init__(self, root: KeyWrapping, database: Database, keys: KeyRepository) -> None:
        self._root = root
        self._database = database
        self._repository = keys

    async def patient_key(self, parties: SessionParties) -> KeyWrapping:
        """Return a patient's key; create it for the patient's first recording.

        Raises AppError(NOT_FOUND) if the key was destroyed: a second one is never created.
        """
        organization, patient = await self._load(parties)
        if organization is None or patient is None:
            await self._make(parties, organization)
            organization, patient = await self._load(parties)
        return await self._opened(parties, organization, patient)

    async def open(self, parties: SessionParties, recording: Recording) -> bytes:
        """Return a recording's plaintext keyset. Raises AppError(NOT_FOUND) if a key in its hierarchy was destroyed."""
        if recording.wrapped_keyset is None:
            raise destroyed()
        key = await self._opened(parties, *await self._load(parties))
        return await key.unwrap(recording.wrapped_keyset, recording_context(parties, recording.id))

    async def _opened(
        self, parties: SessionParties, organization: OrganizationKey | None, patient: PatientKey | None
    ) -> KeyWrapping:
        if organization is None or patient is None or patient.wrapped is None:
            raise destroyed()
        above = LocalKey(await self._root.unwrap(organization.wrapped, organization_context(parties.organization_id)))
        return LocalKey(
            await above.unwrap(patient.wrapped, patient_context(parties.organization_id, parties.patient_id))
        )

    async def _load(self, parties: SessionParties) -> tuple[OrganizationKey | None, PatientKey | None]:
        async with self._database.transaction() as tx:
            patient = await self._repository.patient_key(tx, parties)
            # The version that wraps the patient's key, which need not be the newest while keys are rotated.
            version = patient.version if patient else None
            return await self._repository.organization_key(tx, parties.organization_id, version), patient

    async def _make(self, parties: SessionParties, organization: OrganizationKey | None) -> None:
        """Create the missing keys. If two requests race, both use the key that was stored first."""
        context = organization_context(parties.organization_id)
        if organization is None:
            # Outside the transaction, and perhaps for nothing: another request may have stored one by then.
            candidate = await self._root.wrap(new_key(), context)
            async with self._database.transaction() as tx:
                organization = await self._repository.keep_organization_key(tx, parties.organization_id, candidate)
        # Unwrapped again rather than remembered: the key that was stored may be another request's.
        above = LocalKey(await self._root.unwrap(organization.wrapped, context))
        wrapped = await above.wrap(new_key(), patient_context(parties.organization_id, parties.patient_id))
        async with self._database.transaction() as tx:
            await self._repository.keep_patient_key(tx, parties, PatientKey(wrapped, organization.version))


def destroyed() -> AppError:
    """Return the error for a destroyed key."""
    return AppError(NOT_FOUND, "The recording's key was destroyed, so the recording can no longer be decrypted.")


def organization_context(organization_id: OrganizationId) -> bytes:
    """Return the encryption context (AAD) of an organization's wrapped key."""
    return _context("organization-key", organization_id)


def patient_context(organization_id: OrganizationId, patient_id: PatientId) -> bytes:
    """Return the encryption context (AAD) of a patient's wrapped key."""
    return _context("patient-key", organization_id, patient_id)


def recording_context(parties: SessionParties, recording_id: RecordingId) -> bytes:
    """Return the encryption context (AAD) of a recording's wrapped key."""
    return _context("recording-key", parties.organization_id, parties.patient_id, recording_id)


def _context(*parts: object) -> bytes:
    # No id contains the separator, so no two lists of parts make the same context.
    return "\x1f".join(map(str, parts)).encode()
