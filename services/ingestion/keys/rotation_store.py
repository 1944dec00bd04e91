"""SQL for key rotation across organizations, as the schema's owner, which no service's login can become."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import text

from libs.common.database.transaction import Database, Transaction
from libs.contracts.ids import OrganizationId, PatientId
from services.ingestion.domain import OrganizationKey, PatientKey
from services.ingestion.keys.rotation import KeyVersionStatus

_AS_OWNER = text("set local role owner_ingestion")
_KEY_VERSIONS = text(
    "select k.organization_id, k.version, k.wrapped, k.retired_at, clock_timestamp() - k.retired_at as retired_for,"
    " (select count(*) from ingestion.patient_key p where p.organization_id = k.organization_id"
    " and p.organization_key_version = k.version) as patients"
    " from ingestion.organization_key k where (k.organization_id, k.version) > (:organization_id, :version)"
    " order by k.organization_id, k.version limit :most"
)
_OF_ORGANIZATION = text(
    "select wrapped, version from ingestion.organization_key where organization_id = :organization_id order by version"
)
# Compare and swap on the wrapped bytes: a concurrent rotation is detected instead of overwritten.
_REPLACE = text(
    "update ingestion.organization_key set wrapped = :new"
    " where organization_id = :organization_id and version = :version and wrapped = :before"
)
_ADD = text(
    "insert into ingestion.organization_key (organization_id, version, wrapped)"
    " values (:organization_id, :version, :wrapped) on conflict do nothing"
)
_RETIRE = text(
    "update ingestion.organization_key set retired_at = clock_timestamp()"
    " where organization_id = :organization_id and version < :version and retired_at is null"
)
_BEHIND = text(
    "select patient_id, wrapped, organization_key_version from ingestion.patient_key"
    " where organization_id = :organization_id and organization_key_version < :version and patient_id > :after"
    " order by patient_id limit :most"
)
# The key of a patient who was erased meanwhile is null, compares to nothing, and so is not brought back.
_MOVE = text(
    "update ingestion.patient_key set wrapped = :new, organization_key_version = :version"
    " where organization_id = :organization_id and patient_id = :patient_id and wrapped = :before"
)
_DESTROY = text(
    "delete from ingestion.organization_key k where k.organization_id = :organization_id and k.version = :version"
    " and k.retired_at is not null and not exists (select from ingestion.patient_key p"
    " where p.organization_id = k.organization_id and p.organization_key_version = k.version)"
)
# Sorts before every id, so paging starts at the first row.
NIL_ID = UUID(int=0)


class RotationStore:
    """Implements rotation.WrappedKeyStore. `database` needs a login that may `SET ROLE owner_ingestion`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def key_versions(self, after: KeyVersionStatus | None, most: int) -> Sequence[KeyVersionStatus]:
        """Return versions in order, after a given one."""
        parameters = {
            "organization_id": after.organization_id if after else NIL_ID,
            "version": after.key.version if after else 0,
            "most": most,
        }
        async with self._owner() as tx:
            rows = (await tx.execute(_KEY_VERSIONS, parameters)).all()
        return [_key_version_status(row) for row in rows]

    async def versions(self, organization_id: OrganizationId) -> Sequence[OrganizationKey]:
        """Return an organization's versions, oldest first."""
        async with self._owner() as tx:
            rows = (await tx.execute(_OF_ORGANIZATION, {"organization_id": organization_id})).all()
        return [OrganizationKey(bytes(row.wrapped), row.version) for row in rows]

    async def replace(self, organization_id: OrganizationId, before: OrganizationKey, new: bytes) -> bool:
        """Replace a version's wrapped key if it is unchanged; return False otherwise."""
        parameters = {
            "organization_id": organization_id,
            "version": before.version,
            "before": before.wrapped,
            "new": new,
        }
        async with self._owner() as tx:
            return (await tx.execute(_REPLACE, parameters)).rowcount == 1

    async def add(self, organization_id: OrganizationId, key: OrganizationKey) -> bool:
        """Add the next version and retire the earlier ones; return False if it exists."""
        parameters = {"organization_id": organization_id, "version": key.version}
        async with self._owner() as tx:
            added = (await tx.execute(_ADD, parameters | {"wrapped": key.wrapped})).rowcount == 1
            if added:
                await tx.execute(_RETIRE, parameters)
        return added

    async def behind(
        self, organization_id: OrganizationId, version: int, after: PatientId | None, most: int
    ) -> Sequence[tuple[PatientId, PatientKey]]:
        """Return patients' keys wrapped with an older version, in id order."""
        parameters = {
            "organization_id": organization_id,
            "version": version,
            "after": after or NIL_ID,
            "most": most,
        }
        async with self._owner() as tx:
            rows = (await tx.execute(_BEHIND, parameters)).all()
        return [
            (PatientId(row.patient_id), PatientKey(bytes(row.wrapped), row.organization_key_version)) for row in rows
        ]

    async def move(
        self, organization_id: OrganizationId, patient_id: PatientId, before: PatientKey, new: PatientKey
    ) -> bool:
        """Replace a patient's wrapped key if it was neither changed nor destroyed; return False otherwise."""
        parameters = {
            "organization_id": organization_id,
            "patient_id": patient_id,
            "version": new.version,
            "before": before.wrapped,
            "new": new.wrapped,
        }
        async with self._owner() as tx:
            return (await tx.execute(_MOVE, parameters)).rowcount == 1

    async def destroy(self, organization_id: OrganizationId, version: int) -> bool:
        """Delete a version that is retired and wraps no key; return False for any other."""
        async with self._owner() as tx:
            found = await tx.execute(_DESTROY, {"organization_id": organization_id, "version": version})
            return found.rowcount == 1

    @asynccontextmanager
    async def _owner(self) -> AsyncIterator[Transaction]:
        async with self._database.without_capability() as tx:
            # `local`: the role ends with the transaction, and no pooled connection stays the owner's.
            await tx.execute(_AS_OWNER)
            yield tx


def _key_version_status(row: Any) -> KeyVersionStatus:
    return KeyVersionStatus(
        OrganizationId(row.organization_id),
        OrganizationKey(bytes(row.wrapped), row.version),
        row.patients,
        row.retired_for.total_seconds() if row.retired_at else None,
    )
