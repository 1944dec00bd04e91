"""SQL for wrapped keys. Row-level security limits what a transaction sees; a destroyed key is never replaced."""

from collections.abc import Sequence

from sqlalchemy import text

from libs.common.database.transaction import Transaction
from libs.contracts.ids import OrganizationId, PatientId, SessionId
from services.ingestion.domain import OrganizationKey, PatientKey, SessionParties

_ORGANIZATION_KEY = text(
    "select wrapped, version from organization_key where organization_id = :organization_id"
    " and (cast(:version as int) is null or version = :version) order by version desc limit 1"
)
# Not by the conflict alone: once version 1 was rotated out and deleted, it would be free to come back.
_KEEP_ORGANIZATION_KEY = text(
    "insert into organization_key (organization_id, version, wrapped)"
    " select :organization_id, 1, :wrapped"
    " where not exists (select from organization_key where organization_id = :organization_id) on conflict do nothing"
)
_PATIENT_KEY = text(
    "select wrapped, organization_key_version from patient_key"
    " where organization_id = :organization_id and patient_id = :patient_id"
)
# The row of a destroyed key stays and conflicts too, so a second key is never created.
_KEEP_PATIENT_KEY = text(
    "insert into patient_key (organization_id, patient_id, wrapped, organization_key_version)"
    " values (:organization_id, :patient_id, :wrapped, :version) on conflict do nothing"
)
_DESTROY_PATIENT_KEY = text(
    "update patient_key set wrapped = null, organization_key_version = null, destroyed_at = clock_timestamp()"
    " where organization_id = :organization_id and patient_id = :patient_id and destroyed_at is null"
    " returning patient_id"
)
_DESTROY = "update recording set wrapped_keyset = null, destroyed_at = clock_timestamp() where destroyed_at is null"
_DESTROY_OF_SESSION = text(f"{_DESTROY} and session_id = :session_id returning object_name")
_DESTROY_OF_PATIENT = text(
    f"{_DESTROY} and organization_id = :organization_id and patient_id = :patient_id returning object_name"
)


class KeyStore:
    """Implements ports.KeyRepository and ports.Shredder."""

    async def organization_key(
        self, tx: Transaction, organization_id: OrganizationId, version: int | None = None
    ) -> OrganizationKey | None:
        """Return a version of an organization's key (None: the newest)."""
        parameters = {"organization_id": organization_id, "version": version}
        row = (await tx.execute(_ORGANIZATION_KEY, parameters)).first()
        return OrganizationKey(bytes(row.wrapped), row.version) if row else None

    async def keep_organization_key(
        self, tx: Transaction, organization_id: OrganizationId, wrapped: bytes
    ) -> OrganizationKey:
        """Insert a first version unless one exists; return the newest."""
        await tx.execute(_KEEP_ORGANIZATION_KEY, {"organization_id": organization_id, "wrapped": wrapped})
        return await self.organization_key(tx, organization_id) or OrganizationKey(wrapped, 1)

    async def patient_key(self, tx: Transaction, parties: SessionParties) -> PatientKey | None:
        """Return a patient's key."""
        row = (await tx.execute(_PATIENT_KEY, _patient(parties.organization_id, parties.patient_id))).first()
        if row is None:
            return None
        return PatientKey(None if row.wrapped is None else bytes(row.wrapped), row.organization_key_version)

    async def keep_patient_key(self, tx: Transaction, parties: SessionParties, key: PatientKey) -> None:
        """Insert a patient's key unless one exists."""
        whose = _patient(parties.organization_id, parties.patient_id)
        await tx.execute(_KEEP_PATIENT_KEY, {**whose, "wrapped": key.wrapped, "version": key.version})

    async def destroy_patient_key(self, tx: Transaction, organization_id: OrganizationId, patient_id: PatientId) -> int:
        """Overwrite the key with null. The row stays, so that no second key is created."""
        return len((await tx.execute(_DESTROY_PATIENT_KEY, _patient(organization_id, patient_id))).all())

    async def destroy_recording_keys(self, tx: Transaction, session_id: SessionId) -> Sequence[str]:
        """Overwrite the keys of a session's recordings with null; return their object names."""
        return list((await tx.execute(_DESTROY_OF_SESSION, {"session_id": session_id})).scalars())

    async def destroy_recording_keys_of_patient(
        self, tx: Transaction, organization_id: OrganizationId, patient_id: PatientId
    ) -> Sequence[str]:
        """Overwrite the keys of a patient's recordings with null; return their object names."""
        return list((await tx.execute(_DESTROY_OF_PATIENT, _patient(organization_id, patient_id))).scalars())


def _patient(organization_id: OrganizationId, patient_id: PatientId) -> dict[str, object]:
    return {"organization_id": organization_id, "patient_id": patient_id}
