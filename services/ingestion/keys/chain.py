"""The chain of keys from the root to one recording, made on first use."""

from libs.common.database.transaction import Database
from libs.common.errors import NOT_FOUND, AppError
from libs.common.keys.key_wrapping import KeyWrapping, LocalKey, new_key
from libs.contracts.ids import OrganizationId, PatientId, RecordingId
from services.ingestion.domain import OrganizationKey, PatientKey, Recording, SessionParties
from services.ingestion.ports import KeyRepository


class KeyChain:
    """Wraps and opens recordings' keys: root > organization (a version of it) > patient > recording.

    No transaction is open while a key above is asked, because the root may be a service on a network.
    """

    def __init__(self, root: KeyWrapping, database: Database, keys: KeyRepository) -> None:
        self._root = root
        self._database = database
        self._repository = keys

    async def patient_key(self, parties: SessionParties) -> KeyWrapping:
        """Return a patient's key, made now if this is the patient's first recording.

        Raises AppError(NOT_FOUND) for a patient whose key was destroyed: no second one is ever made.
        """
        organization, patient = await self._kept(parties)
        if organization is None or patient is None:
            await self._make(parties, organization)
            organization, patient = await self._kept(parties)
        return await self._opened(parties, organization, patient)

    async def open(self, parties: SessionParties, recording: Recording) -> bytes:
        """Return a recording's keyset; raise AppError(NOT_FOUND) when it or a key above it was destroyed."""
        if recording.wrapped_keyset is None:
            raise destroyed()
        key = await self._opened(parties, *await self._kept(parties))
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

    async def _kept(self, parties: SessionParties) -> tuple[OrganizationKey | None, PatientKey | None]:
        async with self._database.transaction() as tx:
            patient = await self._repository.patient_key(tx, parties)
            version = patient.version if patient else None
            return await self._repository.organization_key(tx, parties.organization_id, version), patient

    async def _make(self, parties: SessionParties, organization: OrganizationKey | None) -> None:
        """Make what is missing. Whoever comes second to keep a key uses the first one's."""
        context = organization_context(parties.organization_id)
        if organization is None:
            candidate = await self._root.wrap(new_key(), context)
            async with self._database.transaction() as tx:
                organization = await self._repository.keep_organization_key(tx, parties.organization_id, candidate)
        above = LocalKey(await self._root.unwrap(organization.wrapped, context))
        wrapped = await above.wrap(new_key(), patient_context(parties.organization_id, parties.patient_id))
        async with self._database.transaction() as tx:
            await self._repository.keep_patient_key(tx, parties, PatientKey(wrapped, organization.version))


def destroyed() -> AppError:
    """Return the error of whoever asks for a key that is no more."""
    return AppError(NOT_FOUND, "The recording's key was destroyed. It cannot be opened any more.")


def organization_context(organization_id: OrganizationId) -> bytes:
    """Return what an organization's wrapped key is bound to."""
    return _context("organization-key", organization_id)


def patient_context(organization_id: OrganizationId, patient_id: PatientId) -> bytes:
    """Return what a patient's wrapped key is bound to."""
    return _context("patient-key", organization_id, patient_id)


def recording_context(parties: SessionParties, recording_id: RecordingId) -> bytes:
    """Return what a recording's wrapped key is bound to."""
    return _context("recording-key", parties.organization_id, parties.patient_id, recording_id)


def _context(*parts: object) -> bytes:
    return "\x1f".join(map(str, parts)).encode()
