"""What the gateway does by itself: organizations, keys, users and patient tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.common.clock import Clock
from libs.common.database.paging import Page, Window
from libs.common.database.transaction import Database, Transaction
from libs.common.errors import CONFLICT, NOT_FOUND, AppError
from libs.common.events import Event
from libs.common.ids import Identify
from libs.common.messaging.steps import Step
from libs.contracts.consent import ConsentRevoked
from libs.contracts.ids import ApiKeyId, OrganizationId, PatientId, UserId
from libs.contracts.key import KeyRevoked
from libs.contracts.problems import EMAIL_TAKEN, KEY_REPLACED, LAST_ADMIN_KEY
from libs.contracts.purposes import Purpose
from services.gateway.access.patient_tokens import TokenSigner
from services.gateway.domain import (
    ApiKey,
    KeySpec,
    PatientToken,
    Principal,
    Role,
    Rotation,
    Scope,
    StoredKey,
    User,
    UserSpec,
    is_last_admin,
    require_granted,
)
from services.gateway.idempotency.store import IdempotencyStore
from services.gateway.key_format import Choice, Key, Mode, Peppers, new_key
from services.gateway.store import KeyStore, TokenStore, UserFilter, UserStore


@dataclass(frozen=True)
class KeyIssuing:
    """How keys are made here: their mode, the peppers of their digests, the clock they expire by, what draws them."""

    mode: Mode
    peppers: Peppers
    clock: Clock
    choice: Choice


@dataclass(frozen=True)
class IssuedKey:
    """A new key with its secret, which is shown this once."""

    key: ApiKey
    secret: Key


class Keys:
    """Organizations and API keys."""

    def __init__(self, database: Database, store: KeyStore, making: KeyIssuing) -> None:
        self._database = database
        self._store = store
        self._making = making

    async def create_organization(self, organization_id: OrganizationId, name: str, key_name: str) -> IssuedKey:
        """Create an organization with a first key that may do everything."""
        async with self._database.transaction() as tx:
            await self._store.add_organization(tx, organization_id, name)
            return await self._add(tx, organization_id, KeySpec(key_name, frozenset(Scope)))

    async def organization_name(self) -> str:
        """Return the name of the capability's organization."""
        async with self._database.transaction() as tx:
            return await self._store.organization_name(tx)

    async def create(self, by: Principal, wish: KeySpec) -> IssuedKey:
        """Make a key that may do no more, and lasts no longer, than the one that asks."""
        # Else a key could make a stronger or longer-lived one, and its own limits would mean nothing.
        require_granted(by, wish, self._making.clock())
        async with self._database.transaction() as tx:
            return await self._add(tx, by.organization_id, wish)

    async def rotate(self, by: Principal, key_id: ApiKeyId, rotation: Rotation) -> IssuedKey:
        """Make a successor with the same name and scopes; both work for the overlap, then the old key is dead.

        Raises AppError: NOT_FOUND, KEY_REPLACED, FORBIDDEN, or LAST_ADMIN_KEY when the last key that administers for
        good would be followed by one that expires.
        """
        now = self._making.clock()
        async with self._database.transaction() as tx:
            # Locked: of two changes at once neither may count on a key that the other one ends.
            keys = await self._store.all(tx, locked=True)
            old = _of(keys, key_id)
            if not old.is_in_force(now):
                raise AppError(NOT_FOUND, "There is no such key in force.")
            if old.replaced_by is not None:
                raise AppError(KEY_REPLACED, "Rotate its successor instead.", extra={"replaced_by": old.replaced_by})
            wish = KeySpec(old.name, old.scopes, rotation.expires_at or old.expires_at)
            require_granted(by, wish, now)
            if wish.expires_at is not None and is_last_admin(old, keys):
                raise AppError(
                    LAST_ADMIN_KEY, "The last key with the scope admin cannot be replaced by one that expires."
                )
            made = await self._add(tx, by.organization_id, wish)
            await self._store.replace(tx, key_id, made.key.id, rotation.old_ends_at(old, now))
            return made

    async def all(self) -> Sequence[ApiKey]:
        """Return the organization's keys, newest first."""
        async with self._database.transaction() as tx:
            return await self._store.all(tx)

    async def revoke(self, by: Principal, key_id: ApiKeyId) -> ApiKey:
        """End a key: when this returns, no request that carries it is accepted any more.

        Raises AppError: NOT_FOUND, or LAST_ADMIN_KEY. A key that is revoked already stays so.
        """
        async with self._database.transaction() as tx:
            keys = await self._store.all(tx, locked=True)
            key = _of(keys, key_id)
            if key.revoked_at is not None:
                return key
            if is_last_admin(key, keys):
                raise AppError(LAST_ADMIN_KEY, "Create another key with the scope admin before you revoke this one.")
            await self._store.end(tx, key_id)
            ended = _of(await self._store.all(tx), key_id)
            # Emitted before the database refuses the key: a key that revokes itself may do nothing after that.
            await tx.emit(KeyRevoked(organization_id=by.organization_id, api_key_id=key_id))
            await self._store.refuse(tx, key_id)
            return ended

    async def _add(self, tx: Transaction, organization_id: OrganizationId, wish: KeySpec) -> IssuedKey:
        secret, peppers = new_key(self._making.mode, self._making.choice), self._making.peppers
        # The time of its making that is kept is the database's.
        key = ApiKey(
            ApiKeyId(secret.id),
            organization_id,
            wish.name,
            secret.mode,
            wish.scopes,
            secret.last_four,
            self._making.clock(),
            expires_at=wish.expires_at,
        )
        # Only the digest is stored: whoever loses the secret makes another key.
        stored = StoredKey(key, peppers.version, secret.digest(peppers.current))
        return IssuedKey(await self._store.add(tx, stored), secret)


class Users:
    """Therapists, patients, administrators, and the tokens of patients."""

    def __init__(self, database: Database, store: UserStore, clock: Clock, new_id: Identify) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._new_id = new_id

    async def create(self, organization_id: OrganizationId, wish: UserSpec) -> User:
        """Create a user; raise AppError(EMAIL_TAKEN), or CONFLICT for an external id that is taken in the role."""
        user = wish.as_user(UserId(self._new_id()), organization_id, self._clock())
        async with self._database.transaction() as tx:
            made = await self._store.add(tx, user)
            if made is not None:
                return made
            # The database refuses either conflict; which of them it was is asked only now, for the caller to mend.
            if await self._store.email_is_taken(tx, user.email):
                raise AppError(EMAIL_TAKEN, "Another user of this organization has this email.")
            raise AppError(CONFLICT, "Another user in this role has this external_id.")

    async def find(self, user_id: UserId) -> User:
        """Return a user; raise AppError(NOT_FOUND)."""
        async with self._database.transaction() as tx:
            user = await self._store.find(tx, user_id)
        if user is None:
            raise AppError(NOT_FOUND, "There is no such user.")
        return user

    async def page(self, wanted: UserFilter, window: Window) -> Page[User]:
        """List users, newest first."""
        async with self._database.transaction() as tx:
            return await self._store.page(tx, wanted, window)

    async def require(self, *wanted: tuple[UUID, Role]) -> None:
        """Raise AppError(NOT_FOUND) unless each id is a user of the organization in the role beside it."""
        async with self._database.transaction() as tx:
            known = await self._store.all_in_roles(tx, wanted)
        if not known:
            names = " or ".join(dict.fromkeys(role.value for _, role in wanted))
            raise AppError(NOT_FOUND, f"There is no such {names}.")


class PatientTokens:
    """Tokens by which a patient asks without the organization's key."""

    def __init__(
        self, database: Database, store: TokenStore, signer: TokenSigner, clock: Clock, *, new_id: Identify
    ) -> None:
        self._database = database
        self._store = store
        self._signer = signer
        self._clock = clock
        self._new_id = new_id

    async def mint(self, by: Principal, patient_id: PatientId) -> tuple[str, PatientToken]:
        """Mint a token for one patient; it dies with the key that asked for it."""
        # Whole seconds, as tokens write times, so that the end that is stored is the one that is signed.
        wanted = self._clock().replace(microsecond=0) + self._signer.lifetime
        token = PatientToken(
            jti=self._new_id(),
            organization_id=by.organization_id,
            patient_id=patient_id,
            api_key_id=by.api_key_id,
            # A token dies with its key in any case; so its end is told truly from the start.
            expires_at=min(wanted, by.expires_at) if by.expires_at else wanted,
        )
        text = self._signer.sign(token)
        async with self._database.transaction() as tx:
            await self._store.add(tx, token)
        return text, token

    async def revoke(self, patient_id: PatientId, jti: UUID) -> None:
        """End a token; raise AppError(NOT_FOUND)."""
        async with self._database.transaction() as tx:
            if not await self._store.end(tx, jti, patient_id):
                raise AppError(NOT_FOUND, "There is no such token.")


class RedactStoredAnswers(Step[ConsentRevoked, None]):
    """A consent ended: what was answered about the patient's words is not looked up again for a repeated request."""

    def __init__(self, store: IdempotencyStore) -> None:
        self._store = store

    async def record(self, event: ConsentRevoked, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Delete the stored results; no event follows."""
        # A consent to recording ended: what is stored already may still be read under the other purposes.
        if event.consent_type is not Purpose.RECORDING:
            transcripts = event.consent_type is Purpose.TRANSCRIPTION
            await self._store.forget_words(tx, event.patient_id, transcripts=transcripts)
        return ()


def _of(keys: Sequence[ApiKey], key_id: ApiKeyId) -> ApiKey:
    for key in keys:
        if key.id == key_id:
            return key
    raise AppError(NOT_FOUND, "There is no such key.")
