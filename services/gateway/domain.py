"""The rules of the gateway: principals, scopes, and the last admin key that must stay."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from libs.common.errors import FORBIDDEN, INVALID_REQUEST, AppError, FieldError
from libs.contracts.ids import ApiKeyId, OrganizationId, PatientId, UserId
from services.gateway.key_format import Mode

TOKEN_LIFETIME_MAX = timedelta(minutes=15)
# How long a key and its successor both work: time to deploy the new one, and an end for the old one.
OVERLAP_DEFAULT = timedelta(hours=24)
OVERLAP_MIN = timedelta(minutes=1)
OVERLAP_MAX = timedelta(days=30)
REPLAY_WITHIN = timedelta(hours=24)
# How long a new secret can be read again by a caller that lost the response.
SECRET_WITHIN = timedelta(minutes=1)
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


class ReleasePolicy(StrEnum):
    """Who makes a session that is ready part of the chat."""

    AUTO = "auto"
    THERAPIST = "therapist"


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
    expires_at: datetime | None = None


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
    expires_at: datetime | None = None
    replaced_by: ApiKeyId | None = None

    @property
    def administers_for_good(self) -> bool:
        """Return whether this key can create keys and does not expire."""
        return self.revoked_at is None and self.expires_at is None and Scope.ADMIN in self.scopes

    def is_in_force(self, now: datetime) -> bool:
        """Tell whether the key opens anything now."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


@dataclass(frozen=True)
class User:
    """A therapist, a patient or an administrator of one organization."""

    id: UserId
    organization_id: OrganizationId
    role: Role
    email: str
    external_id: str | None
    created_at: datetime
    time_zone: str | None = None


@dataclass(frozen=True)
class UserSpec:
    """A requested user."""

    role: Role
    email: str
    external_id: str | None = None
    time_zone: str | None = None

    def as_user(self, user_id: UserId, organization_id: OrganizationId, now: datetime) -> User:
        """Return the user that is asked for."""
        return User(user_id, organization_id, self.role, self.email, self.external_id, now, self.time_zone)


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
    """What the database knows about a key id before authentication."""

    key: ApiKey
    pepper_version: int
    digest: bytes = field(repr=False)


@dataclass(frozen=True)
class KeySpec:
    """A requested key; without `expires_at` it is valid until revoked."""

    name: str
    scopes: frozenset[Scope]
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Rotation:
    """How a key is replaced: how long both work, and when the successor ends (like the old key when not said)."""

    overlap: timedelta = OVERLAP_DEFAULT
    expires_at: datetime | None = None

    def old_ends_at(self, old: ApiKey, now: datetime) -> datetime:
        """Return when the replaced key ends: after the overlap, and never later than it would have ended anyway."""
        ends_at = now + self.overlap
        return ends_at if old.expires_at is None else min(ends_at, old.expires_at)


def may(principal: Principal, access: Access, scopes: frozenset[Scope]) -> bool:
    """Tell whether somebody may use a route that asks for any of `scopes` (none: any key will do)."""
    if principal.patient_id is not None:
        # Before the scopes: a patient's token has none, and a route that asks for none is still not a patient's.
        return access is Access.KEY_OR_PATIENT
    return not scopes or bool(scopes & principal.scopes)


def may_read_words(principal: Principal) -> bool:
    """Tell whether somebody is given a transcript's words; a key may write them and not read them."""
    return Scope.TRANSCRIPTS_READ in principal.scopes


def may_see_receipt(principal: Principal, *, of_a_session: bool) -> bool:
    """Tell whether somebody may read the receipt of an erasure: that a patient was erased is for few to know."""
    return of_a_session or Scope.ADMIN in principal.scopes


def require_right_to_record(principal: Principal, *, is_witnessed: bool) -> None:
    """A witness is named by keys for that, and by those that have nothing else always; raise AppError(FORBIDDEN)."""
    if is_witnessed and Scope.CONSENT_WITNESSED not in principal.scopes:
        raise AppError(FORBIDDEN, "Naming a witness requires a key with the scope consent:witnessed.")
    if not is_witnessed and Scope.CONSENT_WRITE not in principal.scopes:
        raise AppError(
            FORBIDDEN, "With consent:witnessed alone, `witnessed_by` must name the therapist who records it."
        )


def require_granted(principal: Principal, wish: KeySpec, now: datetime) -> None:
    """A key makes no key that may do more or lasts longer than itself; raise AppError(FORBIDDEN, INVALID_REQUEST)."""
    more = sorted(wish.scopes - principal.scopes)
    if more:
        raise AppError(FORBIDDEN, f"Your key does not have, and so cannot give: {', '.join(more)}.")
    if wish.expires_at is not None and wish.expires_at <= now:
        fault = FieldError("/body/expires_at", "Must be in the future.")
        raise AppError(INVALID_REQUEST, "`expires_at` must be in the future.", errors=[fault])
    # Else a key that is lent for a day would outlive the day in its successor.
    if principal.expires_at is not None and (wish.expires_at is None or wish.expires_at > principal.expires_at):
        raise AppError(FORBIDDEN, "Your key expires and cannot create a key that expires later.")


def is_last_admin(key: ApiKey, all_keys: Sequence[ApiKey]) -> bool:
    """Return whether this is the only admin key that does not expire."""
    others = (other for other in all_keys if other.id != key.id)
    # Revoked, it would leave an organization that can never make a key again.
    return key.administers_for_good and not any(other.administers_for_good for other in others)
