"""Time zones of an organization and its users: all SQL on them."""

from dataclasses import dataclass

from sqlalchemy import text

from libs.common.database.transaction import Transaction
from libs.contracts.ids import OrganizationId, PatientId, UserId

_ORGANIZATION = text("select organization_id, name, time_zone from organization")
_SET = text("update organization set time_zone = :time_zone")
_SET_OF_USER = text("update users set time_zone = :time_zone where id = :id returning 1")
# A patient's own zone comes first, then the organization's.
_NAMES = text(
    "select o.time_zone as of_organization, u.time_zone as of_patient from organization o"
    " left join users u on u.organization_id = o.organization_id and u.id = cast(:patient_id as uuid)"
)


@dataclass(frozen=True)
class Organization:
    """An organization; without a time zone of its own it has the deployment's."""

    id: OrganizationId
    name: str
    time_zone: str | None


class ZoneStore:
    """The zones of the capability's organization."""

    async def organization(self, tx: Transaction) -> Organization:
        """Read the organization."""
        row = (await tx.execute(_ORGANIZATION)).one()
        return Organization(OrganizationId(row.organization_id), row.name, row.time_zone)

    async def set_organization(self, tx: Transaction, time_zone: str | None) -> None:
        """Write the organization's zone."""
        await tx.execute(_SET, {"time_zone": time_zone})

    async def set_user(self, tx: Transaction, user_id: UserId, time_zone: str | None) -> bool:
        """Write a user's zone; False when there is no such user."""
        return (await tx.execute(_SET_OF_USER, {"id": user_id, "time_zone": time_zone})).first() is not None

    async def names(self, tx: Transaction, patient_id: PatientId | None) -> tuple[str | None, ...]:
        """Return the zones that may be meant for a patient, the first that is set counts."""
        row = (await tx.execute(_NAMES, {"patient_id": patient_id})).first()
        return (row.of_patient, row.of_organization) if row else ()
