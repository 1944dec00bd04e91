"""What only operators may ask: a capability for an event that is replayed after its own has expired."""

from typing import Any
from uuid import UUID

from pydantic import Field

from libs.common.clock import to_json_time
from libs.contracts.ids import OrganizationId, PatientId, SessionId, TherapistId
from libs.contracts.purposes import Purpose
from services.gateway.api.route_registry import RouteRegistry, Strict
from services.gateway.renewals import Renewals, Subject


class RenewalRequest(Strict):
    """What the event is about, and the purposes that its answer needs; none for an event that processes nothing."""

    organization_id: UUID
    patient_id: UUID
    therapist_id: UUID | None = None
    session_id: UUID | None = None
    purposes: list[Purpose] = Field(default_factory=list, max_length=len(Purpose))


def add_operators(registry: RouteRegistry, renewals: Renewals) -> None:
    """Add the routes."""

    async def renew(request: RenewalRequest) -> dict[str, Any]:
        """Mint a capability for one subject, if consent for all purposes is in force now; it is written down."""
        subject = Subject(
            OrganizationId(request.organization_id),
            PatientId(request.patient_id),
            TherapistId(request.therapist_id) if request.therapist_id else None,
            SessionId(request.session_id) if request.session_id else None,
            request.purposes,
        )
        capability, expires_at = await renewals.mint(subject)
        return {"capability": capability, "expires_at": to_json_time(expires_at)}

    registry.open("renewCapability", renew)
