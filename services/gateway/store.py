"""The gateway's tables and all SQL on them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from libs.common.database.paging import Page, Position, Window
from libs.common.database.transaction import Transaction
from libs.contracts.ids import ApiKeyId, OrganizationId, UserId
from libs.tenancy.narrowing import narrow
from services.gateway.domain import ApiKey, PatientToken, Role, Scope, StoredKey, User

_KEY = (
    "id, organization_id, name, mode, scopes, last_four, created_at, last_used_at, revoked_at, expires_at, replaced_by"
)
_USER = "id, organization_id, role, email, external_id, created_at, time_zone"

# By a function of the owner's: before the caller is known there is no capability to see the table with.
_FIND_KEY = text(f"select {_KEY}, pepper_version, digest from gateway.known_key(:id)")  # noqa: S608
_TOUCH_KEY = text("select gateway.use_key(:id)")
# Only forward, and only from the digest that was verified: a request that comes second changes nothing.
_REPEPPER_KEY = text(
    "update api_key set digest = :becomes, pepper_version = :version"
    " where id = :id and digest = :was and pepper_version < :version and revoked_at is null"
)
_NOTE_ACTION = text("select ops.note(:action_id, :state, :who, :what, cast(:arguments as jsonb))")
_ADD_ORGANIZATION = text("insert into organization (organization_id, name) values (:id, :name)")
_ORGANIZATION_NAME = text("select name from organization")
# Not `for update`: that waits for every transaction that adds a row of this organization, also one of a gateway that
# is paused, and a revocation must wait for nobody.
_LOCK_ORGANIZATION = text("select 1 from organization for no key update")
_ADD_KEY = text(
    "insert into api_key (id, organization_id, name, mode, scopes, pepper_version, digest, last_four, expires_at) "  # noqa: S608
    "values (:id, :organization_id, :name, :mode, :scopes, :pepper_version, :digest, :last_four, :expires_at) "
    f"returning {_KEY}"
)
_KEYS = text(
    "select k.id, k.organization_id, k.name, k.mode, k.scopes, k.last_four, k.created_at,"
    " coalesce(u.last_used_at, k.last_used_at) as last_used_at, k.revoked_at, k.expires_at, k.replaced_by"
    " from api_key k left join key_use u on u.organization_id = k.organization_id and u.api_key_id = k.id"
    " order by k.created_at desc, k.id desc"
)
_REPLACE_KEY = text("update api_key set replaced_by = :successor, expires_at = :expires_at where id = :id")
_END_KEY = text("update api_key set revoked_at = clock_timestamp() where id = :id and revoked_at is null")
_REFUSE_KEY = text("select ctx.revoke_key(:id)")
_ADD_USER = text(
    "insert into users (id, organization_id, role, email, external_id, time_zone) "  # noqa: S608
    f"values (:id, :organization_id, :role, :email, :external_id, :time_zone) on conflict do nothing returning {_USER}"
)
# By lower(): the unique index is over it too, since mail servers take both spellings for one address.
_EMAIL_TAKEN = text("select 1 from users where lower(email) = lower(:email)")
_USER_BY_ID = text(f"select {_USER} from users where id = :id")  # noqa: S608
_USERS = text(
    f"select {_USER} from users where (cast(:role as text) is null or role = :role) "  # noqa: S608
    "and (cast(:email as text) is null or lower(email) = lower(:email)) "
    "and (cast(:external_id as text) is null or external_id = :external_id) "
    "and (cast(:after_at as timestamptz) is null or (created_at, id) < (:after_at, cast(:after_id as uuid))) "
    "order by created_at desc, id desc limit :most"
)
_IN_ROLES = text(
    "select count(*) from users where (id, role) in "
    "(select * from unnest(cast(:ids as uuid[]), cast(:roles as text[])))"
)
_ADD_TOKEN = text(
    "insert into patient_token (jti, organization_id, patient_id, api_key_id, expires_at) "
    "values (:jti, :organization_id, :patient_id, :api_key_id, :expires_at)"
)
# A token is dead with its key, also when the key merely expires.
_TOKEN_IN_FORCE = text(
    "select 1 from patient_token t join api_key k on k.organization_id = t.organization_id and k.id = t.api_key_id"
    " where t.jti = :jti and t.revoked_at is null and k.revoked_at is null"
    " and (k.expires_at is null or k.expires_at > :now)"
)
_END_TOKEN = text(
    "update patient_token set revoked_at = coalesce(revoked_at, clock_timestamp()) "
    "where jti = :jti and patient_id = :patient_id returning 1"
)


@dataclass(frozen=True)
class UserFilter:
    """Which users a list is about; None means any."""

    role: Role | None = None
    email: str | None = None
    external_id: str | None = None


class KeyStore:
    """Organizations and their API keys."""

    async def find(self, tx: Transaction, key_id: ApiKeyId) -> StoredKey | None:
        """Look a key up by its id; needs no capability, since it is what one is made from."""
        row = (await tx.execute(_FIND_KEY, {"id": key_id})).mappings().first()
        return StoredKey(_key(row), row["pepper_version"], bytes(row["digest"])) if row else None

    async def touch(self, tx: Transaction, key_id: ApiKeyId) -> None:
        """Remember that the key is in use; needs no capability."""
        await tx.execute(_TOUCH_KEY, {"id": key_id})

    async def rehash_with_new_pepper(self, tx: Transaction, stored: StoredKey, becomes: bytes, version: int) -> None:
        """Move a key of the capability's organization to a newer pepper, if its digest is still the one that was."""
        values = {"id": stored.key.id, "was": stored.digest, "becomes": becomes, "version": version}
        await tx.execute(_REPEPPER_KEY, values)

    async def add_organization(self, tx: Transaction, organization_id: OrganizationId, name: str) -> None:
        """Create the capability's organization."""
        await tx.execute(_ADD_ORGANIZATION, {"id": organization_id, "name": name})

    async def organization_name(self, tx: Transaction) -> str:
        """Return the name of the capability's organization."""
        return str((await tx.execute(_ORGANIZATION_NAME)).scalar_one())

    async def add(self, tx: Transaction, made: StoredKey) -> ApiKey:
        """Store a key's digest and what is known of it."""
        key = made.key
        values = {
            "id": key.id,
            "organization_id": key.organization_id,
            "name": key.name,
            "mode": key.mode,
            "scopes": sorted(scope.value for scope in key.scopes),
            "pepper_version": made.pepper_version,
            "digest": made.digest,
            "last_four": key.last_four,
            "expires_at": key.expires_at,
        }
        return _key((await tx.execute(_ADD_KEY, values)).mappings().one())

    async def all(self, tx: Transaction, *, locked: bool = False) -> Sequence[ApiKey]:
        """Return the organization's keys, newest first; `locked` lets no other transaction end one meanwhile."""
        if locked:
            await tx.execute(_LOCK_ORGANIZATION)
        return [_key(row) for row in (await tx.execute(_KEYS)).mappings()]

    async def replace(self, tx: Transaction, key_id: ApiKeyId, successor: ApiKeyId, expires_at: datetime) -> None:
        """Name a key's successor, and when the key itself ends."""
        await tx.execute(_REPLACE_KEY, {"id": key_id, "successor": successor, "expires_at": expires_at})

    async def end(self, tx: Transaction, key_id: ApiKeyId) -> None:
        """Mark a key as revoked."""
        await tx.execute(_END_KEY, {"id": key_id})

    async def refuse(self, tx: Transaction, key_id: ApiKeyId) -> None:
        """Let the database refuse every capability made from this key, from the commit on.

        Last in its transaction: a key that revokes itself can do nothing afterwards.
        """
        await tx.execute(_REFUSE_KEY, {"id": key_id})


class UserStore:
    """Therapists, patients and administrators."""

    async def add(self, tx: Transaction, user: User) -> User | None:
        """Create a user; None when the email or the external id is taken."""
        values = {
            "id": user.id,
            "organization_id": user.organization_id,
            "role": user.role.value,
            "email": user.email,
            "external_id": user.external_id,
            "time_zone": user.time_zone,
        }
        row = (await tx.execute(_ADD_USER, values)).mappings().first()
        return _user(row) if row else None

    async def email_is_taken(self, tx: Transaction, email: str) -> bool:
        """Return whether a user of the organization has this email."""
        return (await tx.execute(_EMAIL_TAKEN, {"email": email})).first() is not None

    async def find(self, tx: Transaction, user_id: UserId) -> User | None:
        """Return a user of the organization."""
        row = (await tx.execute(_USER_BY_ID, {"id": user_id})).mappings().first()
        return _user(row) if row else None

    async def page(self, tx: Transaction, wanted: UserFilter, window: Window) -> Page[User]:
        """Return users, newest first."""
        after = window.after
        found = await tx.execute(
            _USERS,
            {
                "role": wanted.role.value if wanted.role else None,
                "email": wanted.email,
                "external_id": wanted.external_id,
                "after_at": after.at if after else None,
                "after_id": after.id if after else None,
                "most": window.limit + 1,
            },
        )
        rows = [_user(row) for row in found.mappings()]
        return Page.cut(rows, window.limit, lambda user: Position(user.created_at, user.id))

    async def all_in_roles(self, tx: Transaction, wanted: Sequence[tuple[UUID, Role]]) -> bool:
        """Tell whether each id is a user of the organization in the role beside it."""
        values = {"ids": [user for user, _ in wanted], "roles": [role.value for _, role in wanted]}
        # As a set: the same person named twice is one row.
        return bool((await tx.execute(_IN_ROLES, values)).scalar_one() == len(set(wanted)))


class TokenStore:
    """Patient tokens, of which only the id is kept."""

    async def add(self, tx: Transaction, token: PatientToken) -> None:
        """Remember a token so that it can be revoked."""
        await tx.execute(
            _ADD_TOKEN,
            {
                "jti": token.jti,
                "organization_id": token.organization_id,
                "patient_id": token.patient_id,
                "api_key_id": token.api_key_id,
                "expires_at": token.expires_at,
            },
        )

    async def in_force(self, tx: Transaction, jti: UUID, now: datetime) -> bool:
        """Tell whether a token is known and neither it nor the key that minted it has ended."""
        return (await tx.execute(_TOKEN_IN_FORCE, {"jti": jti, "now": now})).first() is not None

    async def end(self, tx: Transaction, jti: UUID, patient_id: UUID) -> bool:
        """Revoke a patient's token; False when there is none."""
        # The capability names no patient here, and what the policy compares is what an index serves (ADR 0014).
        await narrow(tx, patient_id)
        return (await tx.execute(_END_TOKEN, {"jti": jti, "patient_id": patient_id})).first() is not None


@dataclass(frozen=True)
class Noted:
    """What an operator did through the gateway, in ids."""

    action_id: UUID
    state: str
    who: str
    what: str
    arguments: Mapping[str, Any]


class ActionStore:
    """The record of operators' actions (schema `ops`), to which the gateway may only add."""

    async def note(self, tx: Transaction, noted: Noted) -> None:
        """Add an entry."""
        values = {
            "action_id": noted.action_id,
            "state": noted.state,
            "who": noted.who,
            "what": noted.what,
            "arguments": json.dumps(noted.arguments),
        }
        await tx.execute(_NOTE_ACTION, values)


def _key(row: Any) -> ApiKey:
    return ApiKey(
        id=ApiKeyId(row["id"]),
        organization_id=OrganizationId(row["organization_id"]),
        name=row["name"],
        mode=row["mode"],
        scopes=frozenset(Scope(scope) for scope in row["scopes"]),
        last_four=row["last_four"],
        created_at=row["created_at"],
        last_used_at=_at(row["last_used_at"]),
        revoked_at=_at(row["revoked_at"]),
        expires_at=_at(row["expires_at"]),
        replaced_by=ApiKeyId(row["replaced_by"]) if row["replaced_by"] else None,
    )


def _at(value: Any) -> datetime | None:
    assert value is None or isinstance(value, datetime)
    return value


def _user(row: Any) -> User:
    return User(
        id=UserId(row["id"]),
        organization_id=OrganizationId(row["organization_id"]),
        role=Role(row["role"]),
        email=row["email"],
        external_id=row["external_id"],
        created_at=row["created_at"],
        time_zone=row["time_zone"],
    )
