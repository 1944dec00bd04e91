"""An organization's settings, and which of them count for a patient.

The gateway owns organizations and users, so it decides, and passes what counts along with what is asked; no other
service keeps time zones, modes of the chat or help lines. Who releases a session is asked by the database itself
(migration 0012).
"""

from dataclasses import dataclass

from libs.common.database.transaction import Database
from libs.common.errors import NOT_FOUND, AppError
from libs.common.local_time import HEADER as ZONE_HEADER
from libs.common.local_time import zone_named
from libs.contracts.ids import PatientId, UserId
from libs.contracts.organization.own_help_lines import CrisisSettings
from libs.contracts.safety import MODE_HEADER, ChatMode
from services.gateway.organization.store import Changes, Organization, OrganizationStore


@dataclass(frozen=True)
class MessageSettings:
    """What the chat is told with a patient's message."""

    time_zone: str
    chat_mode: ChatMode
    crisis: CrisisSettings

    def headers(self) -> dict[str, str]:
        """Return the headers that tell it."""
        return {ZONE_HEADER: self.time_zone, MODE_HEADER: self.chat_mode.value} | self.crisis.headers()


class OrganizationSettings:
    """The settings of organizations, and the time zones of users."""

    def __init__(self, database: Database, store: OrganizationStore, default_zone: str) -> None:
        self._database = database
        self._store = store
        self._default_zone = default_zone

    async def organization(self) -> Organization:
        """Return the capability's organization."""
        async with self._database.transaction() as tx:
            return await self._store.organization(tx)

    async def change(self, changes: Changes) -> Organization:
        """Change settings of the organization; return it as it is then."""
        async with self._database.transaction() as tx:
            await self._store.change(tx, changes)
            return await self._store.organization(tx)

    async def change_user(self, user_id: UserId, time_zone: str | None) -> None:
        """Give a user a zone, or the organization's again; raise AppError(NOT_FOUND)."""
        async with self._database.transaction() as tx:
            if not await self._store.set_user(tx, user_id, time_zone):
                raise AppError(NOT_FOUND, "There is no such user.")

    async def zone_of(self, patient_id: PatientId | None) -> str:
        """Return the zone of a patient, or with None that of the organization."""
        async with self._database.transaction() as tx:
            found = await self._store.for_patient(tx, patient_id)
        return self._first(*found.zones)

    async def for_message(self, patient_id: PatientId) -> MessageSettings:
        """Return what counts for a patient's message."""
        async with self._database.transaction() as tx:
            found = await self._store.for_patient(tx, patient_id)
        return MessageSettings(self._first(*found.zones), found.chat_mode, found.crisis)

    async def crisis(self) -> CrisisSettings:
        """Return whom the patients of the organization are to call."""
        async with self._database.transaction() as tx:
            return (await self._store.for_patient(tx, None)).crisis

    def effective_zone(self, organization: Organization) -> str:
        """Return the zone that counts for an organization's patients who have none."""
        return self._first(organization.time_zone)

    def _first(self, *names: str | None) -> str:
        # A name that left the IANA list since it was set is passed over.
        return next((name for name in names if name and zone_named(name)), self._default_zone)
