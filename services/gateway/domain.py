"""The rules of the door: who somebody is, what that lets them do, and what may not be taken away."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from libs.common.errors import FORBIDDEN, AppError
from libs.contracts.ids import ApiKeyId, OrganizationId, PatientId, UserId
from services.gateway.key_format import Mode

TOKEN_LIFETIME_MAX = timedelta(minutes=15)
REPLAY_WITHIN = timedelta(hours=24)
# A request that is still called running after this long died with its gateway; the next one may try again.
RUNNING_AT_MOST = timedelta(minutes=5)


class Scope(StrEnum):
    """What an API key may do."""

    CONSENT_WRITE = "consent:write"
    CONSENT_WITNESSED = "consent:witnessed"
    SESSIONS_WRITE = "sessions:write"
    SESSIONS_READ = "sessions:read"
    TRANSCRIPTS_READ = "transcripts:read"
    TRANSCRIPTS_WRITE = "transcripts:write"
    CHAT_DELEGATE = "chat:delegate"
    PATIENTS_TOKENS = "patients:tokens"
    WEBHOOKS_MANAGE = "webhooks:manage"
    USERS = "users"
    ADMIN = "admin"


class Role(StrEnum):
    """What a user is to the organization."""

    THERAPIST = "therapist"
    PATIENT = "patient"
    ADMIN = "admin"


class Access(StrEnum):
    """Who may use a route at all."""

    OPEN = "open"
    OPERATOR = "operator"
    KEY = "key"
    KEY_OR_PATIENT = "key or patient"


@dataclass(frozen=True)
class Principal:
    """Who sent a request. `patient_id` is set for a patient's own token, which reaches that patient only."""

    organization_id: OrganizationId
    api_key_id: ApiKeyId
    actor: str
    scopes: frozenset[Scope] = frozenset()
    patient_id: PatientId | None = None
    name: str = ""
    mode: Mode = "live"


@dataclass(frozen=True)
class ApiKey:
    """A key as it is remembered: all but the secret."""

    id: ApiKeyId
    organization_id: OrganizationId
    name: str
    mode: Mode
    scopes: frozenset[Scope]
    last_four: str
    created_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def administers(self) -> bool:
        """Tell whether this key can make other keys now."""
        return self.revoked_at is None and Scope.ADMIN in self.scopes


@dataclass(frozen=True)
class User:
    """A therapist, a patient or an administrator of one organization."""

    id: UserId
    organization_id: OrganizationId
    role: Role
    email: str
    external_id: str | None
    created_at: datetime


@dataclass(frozen=True)
class PatientToken:
    """A patient's own credential, minted by a key and dead with it."""

    jti: UUID
    organization_id: OrganizationId
    patient_id: PatientId
    api_key_id: ApiKeyId
    expires_at: datetime


@dataclass(frozen=True)
class StoredKey:
    """What the database knows of a key id before anybody is known."""

    key: ApiKey
    digest: bytes = field(repr=False)


def may(principal: Principal, access: Access, scopes: frozenset[Scope]) -> bool:
    """Tell whether somebody may use a route that asks for any of `scopes` (none: any key will do)."""
    if principal.patient_id is not None:
        return access is Access.KEY_OR_PATIENT
    return not scopes or bool(scopes & principal.scopes)


def require_granted(principal: Principal, wanted: frozenset[Scope]) -> None:
    """A key makes no key that may do more than itself; raise AppError(FORBIDDEN)."""
    more = sorted(wanted - principal.scopes)
    if more:
        raise AppError(FORBIDDEN, f"Your key does not have, and so cannot give: {', '.join(more)}.")


def is_last_admin(key: ApiKey, all_keys: Sequence[ApiKey]) -> bool:
    """Tell whether nobody could make keys any more without this one."""
    return key.administers and not any(other.administers and other.id != key.id for other in all_keys)
