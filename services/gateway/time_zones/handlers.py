"""Where a patient's clock is: their own zone, else the organization's, else the deployment's.

The gateway owns users, so it decides, and passes the name along with what is asked; no other service keeps zones.
"""

from libs.common.database.transaction import Database
from libs.common.errors import NOT_FOUND, AppError
from libs.common.local_time import zone_named
from libs.contracts.ids import PatientId, UserId
from services.gateway.time_zones.store import Organization, ZoneStore


class TimeZones:
    """The zones of organizations and users."""

    def __init__(self, database: Database, store: ZoneStore, default: str) -> None:
        self._database = database
        self._store = store
        self._default = default

    async def organization(self) -> Organization:
        """Return the capability's organization."""
        async with self._database.transaction() as tx:
            return await self._store.organization(tx)

    async def change_organization(self, time_zone: str | None) -> Organization:
        """Give the organization a zone, or the deployment's again."""
        async with self._database.transaction() as tx:
            await self._store.set_organization(tx, time_zone)
            return await self._store.organization(tx)

    async def change_user(self, user_id: UserId, time_zone: str | None) -> None:
        """Give a user a zone, or the organization's again; raise AppError(NOT_FOUND)."""
        async with self._database.transaction() as tx:
            if not await self._store.set_user(tx, user_id, time_zone):
                raise AppError(NOT_FOUND, "There is no such user.")

    async def of(self, patient_id: PatientId | None) -> str:
        """Return the zone of a patient, or with None that of the organization."""
        async with self._database.transaction() as tx:
            names = await self._store.names(tx, patient_id)
        return self._first(*names)

    def effective(self, organization: Organization) -> str:
        """Return the zone that counts for an organization's patients who have none."""
        return self._first(organization.time_zone)

    def _first(self, *names: str | None) -> str:
        # A name that left the IANA list since it was set is passed over.
        return next((name for name in names if name and zone_named(name)), self._default)
