"""The organization itself, as its own keys see and change it."""

from typing import Any, Self

from pydantic import Field, model_validator

from libs.common.local_time import ZoneName
from libs.contracts.organization.own_help_lines import CountryCode, OwnLines
from libs.contracts.safety import ChatMode
from services.gateway.api.route_registry import RouteRegistry, Strict
from services.gateway.domain import ReleasePolicy
from services.gateway.organization.handlers import OrganizationSettings
from services.gateway.organization.store import Changes, Organization


class OrganizationChange(Strict):
    """What is changed about an organization: at least one of its settings. What is left out stays."""

    time_zone: ZoneName | None = Field(
        None,
        description="An IANA time zone such as America/New_York, in which patients without one of their own live; "
        "null for the deployment's.",
    )
    # Made by a function, so that the document names no default: left out is not `recall`, it is what it was.
    chat_mode: ChatMode = Field(
        default_factory=lambda: ChatMode.RECALL,
        description="`recall`: answers in the configured model's words; `quotes`: verbatim quotes only, no vendor's "
        "model is asked; `off`: messages are refused (`chat-off`). A crisis is answered in each.",
    )
    release: ReleasePolicy = Field(
        default_factory=lambda: ReleasePolicy.AUTO,
        description="`auto`: a session is part of the chat once it is ready; `therapist`: once somebody releases it. "
        "Counts for sessions that become ready from now on.",
    )

    country: CountryCode | None = Field(
        None,
        description="The country (ISO 3166-1, two letters) whose help lines patients are told in a crisis; null for "
        "the deployment's. For a country that we have no lines of, findahelpline.com.",
    )
    crisis_lines: OwnLines = Field(
        default_factory=tuple,
        description="Help lines of your own, told before those of the country: who answers, and how to reach them. "
        "All of them are replaced; `[]` leaves those of the country alone.",
    )

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("name at least one setting")
        return self

    def to_changes(self) -> Changes:
        """Return what was sent."""
        given = self.model_fields_set
        return Changes(
            self.time_zone,
            "time_zone" in given,
            self.chat_mode if "chat_mode" in given else None,
            self.release if "release" in given else None,
            self.country,
            "country" in given,
            self.crisis_lines if "crisis_lines" in given else None,
        )


def add_organization(registry: RouteRegistry, settings: OrganizationSettings) -> None:
    """Add the routes."""

    async def get_organization() -> dict[str, Any]:
        """Read your organization. `effective_time_zone` is the one that counts: its own, else the deployment's."""
        return _organization(await settings.organization(), settings)

    async def update_organization(request: OrganizationChange) -> dict[str, Any]:
        """Change settings of the organization; what is left out stays as it is.

        Dates in answers and filters are dates in its time zone; a patient's own (see users) comes first. `chat_mode`
        counts from the next message on, as do `country` and `crisis_lines`, `release` for sessions that become ready
        from now on. Call each number before you set it: patients in a crisis are told it.
        """
        return _organization(await settings.change(request.to_changes()), settings)

    registry.open("getOrganization", get_organization)
    registry.open("updateOrganization", update_organization)


def _organization(organization: Organization, settings: OrganizationSettings) -> dict[str, Any]:
    return {
        "id": str(organization.id),
        "name": organization.name,
        "time_zone": organization.time_zone,
        "effective_time_zone": settings.effective_zone(organization),
        "chat_mode": organization.chat_mode.value,
        "release": organization.release.value,
        "country": organization.crisis.country,
        "crisis_lines": [line.model_dump() for line in organization.crisis.lines],
    }
