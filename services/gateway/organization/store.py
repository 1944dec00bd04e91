"""Settings of an organization, and the time zones of its users: all SQL on them."""

import json
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import text

from libs.common.database.transaction import Transaction
from libs.contracts.ids import OrganizationId, PatientId, UserId
from libs.contracts.organization.own_help_lines import NOTHING_SET, CrisisSettings, OwnLine
from libs.contracts.safety import ChatMode
from services.gateway.domain import ReleasePolicy

_ORGANIZATION = text(
    "select organization_id, name, time_zone, chat_mode, release, country, crisis_lines from organization"
)
_CHANGE = text(
    "update organization set time_zone = case when :sets_time_zone then :time_zone else time_zone end,"
    " chat_mode = coalesce(:chat_mode, chat_mode), release = coalesce(:release, release),"
    " country = case when :sets_country then :country else country end,"
    " crisis_lines = coalesce(cast(:crisis_lines as jsonb), crisis_lines)"
)
_SET_OF_USER = text("update users set time_zone = :time_zone where id = :id returning 1")
# A patient's own zone comes first, then the organization's.
_FOR_PATIENT = text(
    "select o.time_zone as of_organization, u.time_zone as of_patient, o.chat_mode, o.country, o.crisis_lines"
    " from organization o"
    " left join users u on u.organization_id = o.organization_id and u.id = cast(:patient_id as uuid)"
)


@dataclass(frozen=True)
class Organization:
    """An organization; without a time zone or a country of its own it has the deployment's."""

    id: OrganizationId
    name: str
    time_zone: str | None
    chat_mode: ChatMode
    release: ReleasePolicy
    crisis: CrisisSettings


@dataclass(frozen=True)
class Changes:
    """New settings; None leaves one as it is.

    A time zone and a country may be none, so `sets_time_zone` and `sets_country` tell whether they are changed.
    """

    time_zone: str | None = None
    sets_time_zone: bool = False
    chat_mode: ChatMode | None = None
    release: ReleasePolicy | None = None
    country: str | None = None
    sets_country: bool = False
    crisis_lines: tuple[OwnLine, ...] | None = None


@dataclass(frozen=True)
class PatientSettings:
    """The zones that may be meant for a patient, of which the first that is set counts, and what the chat is told."""

    zones: tuple[str | None, ...]
    chat_mode: ChatMode
    crisis: CrisisSettings


class OrganizationStore:
    """The settings of the capability's organization."""

    async def organization(self, tx: Transaction) -> Organization:
        """Read the organization."""
        row = (await tx.execute(_ORGANIZATION)).one()
        return Organization(
            OrganizationId(row.organization_id),
            row.name,
            row.time_zone,
            ChatMode(row.chat_mode),
            ReleasePolicy(row.release),
            _crisis(row),
        )

    async def change(self, tx: Transaction, changes: Changes) -> None:
        """Write the settings that are changed."""
        lines = changes.crisis_lines
        values = {
            "time_zone": changes.time_zone,
            "sets_time_zone": changes.sets_time_zone,
            "chat_mode": changes.chat_mode.value if changes.chat_mode else None,
            "release": changes.release.value if changes.release else None,
            "country": changes.country,
            "sets_country": changes.sets_country,
            "crisis_lines": None if lines is None else json.dumps([line.model_dump() for line in lines]),
        }
        await tx.execute(_CHANGE, values)

    async def set_user(self, tx: Transaction, user_id: UserId, time_zone: str | None) -> bool:
        """Write a user's zone; False when there is no such user."""
        return (await tx.execute(_SET_OF_USER, {"id": user_id, "time_zone": time_zone})).first() is not None

    async def for_patient(self, tx: Transaction, patient_id: PatientId | None) -> PatientSettings:
        """Return what counts for a patient, or with None for the organization as such."""
        row = (await tx.execute(_FOR_PATIENT, {"patient_id": patient_id})).one()
        return PatientSettings((row.of_patient, row.of_organization), ChatMode(row.chat_mode), _crisis(row))


def _crisis(row: Any) -> CrisisSettings:
    try:
        return CrisisSettings.model_validate({"country": row.country, "lines": row.crisis_lines})
    except ValidationError:
        # Rules that have become stricter since the row was written must not keep anybody from an answer.
        return NOTHING_SET
