"""The organization itself, as its own keys see and change it."""

from typing import Any

from pydantic import Field

from libs.common.local_time import ZoneName
from services.gateway.api.route_registry import RouteRegistry, Strict
from services.gateway.time_zones.handlers import TimeZones
from services.gateway.time_zones.store import Organization


class OrganizationChange(Strict):
    """What is changed about an organization."""

    time_zone: ZoneName | None = Field(
        description="An IANA time zone such as America/New_York, in which patients without one of their own live; "
        "null for the deployment's."
    )


def add_organization(registry: RouteRegistry, zones: TimeZones) -> None:
    """Add the routes."""

    async def get_organization() -> dict[str, Any]:
        """Read your organization. `effective_time_zone` is the one that counts: its own, else the deployment's."""
        return _organization(await zones.organization(), zones)

    async def update_organization(request: OrganizationChange) -> dict[str, Any]:
        """Set the organization's time zone: the dates in answers and filters are dates there.

        A patient's own time zone (see users) comes first.
        """
        return _organization(await zones.change_organization(request.time_zone), zones)

    registry.open("getOrganization", get_organization)
    registry.open("updateOrganization", update_organization)


def _organization(organization: Organization, zones: TimeZones) -> dict[str, Any]:
    return {
        "id": str(organization.id),
        "name": organization.name,
        "time_zone": organization.time_zone,
        "effective_time_zone": zones.effective(organization),
    }
