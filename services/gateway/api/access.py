"""Organizations, API keys, who is asking, and what only operators may ask."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path
from pydantic import Field

from libs.common.client_time import Instant
from libs.common.clock import to_json_time, utc_now
from libs.common.visible_text import VISIBLE_LINE
from libs.contracts.ids import ApiKeyId, OrganizationId, PatientId, SessionId, TherapistId
from libs.contracts.purposes import Purpose
from services.gateway.api.route_registry import Caller, RouteRegistry, Strict
from services.gateway.domain import (
    OVERLAP_DEFAULT,
    OVERLAP_MAX,
    OVERLAP_MIN,
    ApiKey,
    KeySpec,
    Rotation,
    Scope,
)
from services.gateway.handlers import IssuedKey, Keys
from services.gateway.renewals import Renewals, Subject

NAME_CHARS_MAX = 200
Name = Annotated[
    str, Field(min_length=1, max_length=NAME_CHARS_MAX, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$"), VISIBLE_LINE
]
KeyId = Annotated[str, Path(pattern=r"^[0-9A-Za-z]{12}$")]


class OrganizationRequest(Strict):
    """A new organization."""

    name: Name
    admin_key_name: Name = "first admin key"


class KeyRequest(Strict):
    """A new key; it may do no more than the key that asks for it."""

    name: Name
    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope))
    expires_at: Instant | None = Field(None, description="When it ends by itself; never, when left out.")


class RotateRequest(Strict):
    """How a key is replaced."""

    overlap_seconds: int = Field(
        int(OVERLAP_DEFAULT.total_seconds()),
        ge=int(OVERLAP_MIN.total_seconds()),
        le=int(OVERLAP_MAX.total_seconds()),
        description="How long the old key still works beside its successor.",
    )
    expires_at: Instant | None = Field(
        None, description="When the successor ends by itself; as the old key would have, when left out."
    )


class RenewalRequest(Strict):
    """What the event is about, and the purposes that its answer needs; none for an event that processes nothing."""

    organization_id: UUID
    patient_id: UUID
    therapist_id: UUID | None = None
    session_id: UUID | None = None
    purposes: list[Purpose] = Field(default_factory=list, max_length=len(Purpose))


def add_access(registry: RouteRegistry, keys: Keys, requests_per_hour: int) -> None:
    """Add the routes."""
    _add_identity(registry, keys, requests_per_hour)

    async def create_key(caller: Caller, request: KeyRequest) -> dict[str, Any]:
        """Create a key. The secret is in this answer and nowhere else."""
        return _made(await keys.create(caller, KeySpec(request.name, frozenset(request.scopes), request.expires_at)))

    async def list_keys() -> dict[str, Any]:
        """List all keys, also revoked ones, newest first."""
        return {"data": [_key(key) for key in await keys.all()], "has_more": False, "next_cursor": None}

    async def revoke_key(caller: Caller, key_id: KeyId) -> dict[str, Any]:
        """Revoke a key. When this has answered, no request with that key is accepted any more."""
        return _key(await keys.revoke(caller, ApiKeyId(key_id)))

    async def rotate_key(caller: Caller, key_id: KeyId, request: RotateRequest | None = None) -> dict[str, Any]:
        """Make a successor with the same name and scopes. Both work for the overlap, then the old key is dead.

        A key that leaked is rotated and then revoked with its successor, without waiting for the overlap.
        """
        wanted = request or RotateRequest()
        rotation = Rotation(timedelta(seconds=wanted.overlap_seconds), wanted.expires_at)
        return _made(await keys.rotate(caller, ApiKeyId(key_id), rotation)) | {"replaces": key_id}

    registry.open("createApiKey", create_key)
    registry.open("listApiKeys", list_keys)
    registry.open("revokeApiKey", revoke_key)
    registry.open("rotateApiKey", rotate_key)


def _add_identity(registry: RouteRegistry, keys: Keys, requests_per_hour: int) -> None:
    async def me(caller: Caller) -> dict[str, Any]:
        """Tell which organization and key a request is made with, and what it may do."""
        return {
            "organization": {"id": str(caller.organization_id), "name": await keys.organization_name()},
            "api_key": {"id": caller.api_key_id, "name": caller.name},
            "scopes": sorted(scope.value for scope in caller.scopes),
            "mode": caller.mode,
            "limits": {"requests_per_hour": requests_per_hour},
        }

    async def create_organization(caller: Caller, request: OrganizationRequest) -> dict[str, Any]:
        """Create an organization with a first key that may do everything (operators only)."""
        made = await keys.create_organization(caller.organization_id, request.name, request.admin_key_name)
        return {"organization_id": str(caller.organization_id), "api_key": made.secret.text, "api_key_id": made.key.id}

    registry.open("getMe", me)
    registry.open("createOrganization", create_organization)


def add_operators(registry: RouteRegistry, renewals: Renewals) -> None:
    """Add the route: a capability for an event that is replayed after its own has expired."""

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


def _made(made: IssuedKey) -> dict[str, Any]:
    return _key(made.key) | {"api_key": made.secret.text}


def _key(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "mode": key.mode,
        "scopes": sorted(scope.value for scope in key.scopes),
        "last_four": key.last_four,
        "is_active": key.is_in_force(utc_now()),
        "created_at": to_json_time(key.created_at),
        "last_used_at": to_json_time(key.last_used_at) if key.last_used_at else None,
        "revoked_at": to_json_time(key.revoked_at) if key.revoked_at else None,
        "expires_at": to_json_time(key.expires_at) if key.expires_at else None,
        "replaced_by": key.replaced_by,
    }
