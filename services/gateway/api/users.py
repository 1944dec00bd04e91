"""Therapists, patients, administrators, and patients' tokens."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Response
from pydantic import Field

from libs.common.clock import to_json_time
from libs.common.database.paging import PAGE_DEFAULT, PAGE_MAX, Window
from libs.common.local_time import ZoneName
from libs.common.visible_text import VISIBLE_LINE
from libs.contracts.ids import PatientId, UserId
from services.gateway.api.route_registry import Caller, RouteRegistry, Strict
from services.gateway.domain import Role, User, UserSpec
from services.gateway.handlers import PatientTokens, Users
from services.gateway.organization.handlers import OrganizationSettings
from services.gateway.store import UserFilter

# What fits into the path of an SMTP command (RFC 5321, 4.5.3.1.3).
EMAIL_CHARS_MAX = 254
# One @ with something on both sides; whether mail arrives is not ours to know.
Email = Annotated[str, Field(max_length=EMAIL_CHARS_MAX, pattern=r"^[^\s@\x00]+@[^\s@\x00]+$"), VISIBLE_LINE]
NAME_CHARS_MAX = 200
ExternalId = Annotated[str, Field(min_length=1, max_length=NAME_CHARS_MAX, pattern=r"^[^\x00]+$"), VISIBLE_LINE]


class UserRequest(Strict):
    """A new user; `external_id` is the integrator's own name for them."""

    role: Role
    email: Email
    external_id: ExternalId | None = None
    time_zone: ZoneName | None = Field(None, description="Where their clock is; the organization's, when left out.")


class UserChange(Strict):
    """What is changed about a user."""

    time_zone: ZoneName | None = Field(description="An IANA time zone; null for the organization's.")


class UserQuery(Strict):
    """Which users to list."""

    role: Role | None = None
    email: Email | None = None
    external_id: ExternalId | None = None
    limit: int = Field(PAGE_DEFAULT, ge=1, le=PAGE_MAX)
    cursor: str | None = None


def add_users(registry: RouteRegistry, users: Users, tokens: PatientTokens, settings: OrganizationSettings) -> None:
    """Add the routes."""
    _add_tokens(registry, users, tokens)

    async def create_user(caller: Caller, request: UserRequest, response: Response) -> dict[str, Any]:
        """Create a user of your organization."""
        wish = UserSpec(request.role, request.email, request.external_id, request.time_zone)
        made = await users.create(caller.organization_id, wish)
        response.headers["Location"] = f"/api/v1/users/{made.id}"
        return user_json(made)

    async def list_users(wanted: Annotated[UserQuery, Query()]) -> dict[str, Any]:
        """List users, newest first."""
        narrowed = UserFilter(wanted.role, wanted.email, wanted.external_id)
        return (await users.page(narrowed, Window.of(wanted.limit, wanted.cursor))).to_json(user_json)

    async def get_user(user_id: UUID) -> dict[str, Any]:
        """Read one user."""
        return user_json(await users.find(UserId(user_id)))

    async def update_user(user_id: UUID, request: UserChange) -> dict[str, Any]:
        """Set a user's time zone: a patient is told the dates that their own calendar showed."""
        await settings.change_user(UserId(user_id), request.time_zone)
        return user_json(await users.find(UserId(user_id)))

    registry.open("createUser", create_user)
    registry.open("listUsers", list_users)
    registry.open("getUser", get_user)
    registry.open("updateUser", update_user)


def _add_tokens(registry: RouteRegistry, users: Users, tokens: PatientTokens) -> None:
    async def create_token(caller: Caller, patient_id: UUID, response: Response) -> dict[str, Any]:
        """Mint a token for a patient's own device: 15 minutes, chat only, this patient only."""
        await users.require((patient_id, Role.PATIENT))
        text, token = await tokens.mint(caller, PatientId(patient_id))
        # The token is a credential.
        response.headers["Cache-Control"] = "no-store"
        return {"token": text, "jti": str(token.jti), "expires_at": to_json_time(token.expires_at)}

    async def revoke_token(patient_id: UUID, jti: UUID) -> Response:
        """Revoke a token, at once."""
        await tokens.revoke(PatientId(patient_id), jti)
        return Response(status_code=204)

    registry.open("createPatientToken", create_token)
    registry.open("revokePatientToken", revoke_token)


def user_json(user: User) -> dict[str, Any]:
    """Return a user as callers see one."""
    return {
        "id": str(user.id),
        "role": user.role.value,
        "email": user.email,
        "external_id": user.external_id,
        "time_zone": user.time_zone,
        "created_at": to_json_time(user.created_at),
    }
