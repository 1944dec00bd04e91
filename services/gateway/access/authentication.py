"""Who is asking: an organization by its key, a patient by a token, or the operator."""

import asyncio
import hmac
from collections.abc import Mapping
from datetime import timedelta

from libs.common.database.transaction import Database
from libs.common.errors import UNAUTHENTICATED, UNAVAILABLE, AppError
from libs.common.ids import new_id
from libs.contracts.ids import ApiKeyId, OrganizationId
from services.gateway.access.authority import Authority
from services.gateway.access.patient_tokens import TokenSigner
from services.gateway.domain import ApiKey, PatientToken, Principal, StoredKey
from services.gateway.key_format import Key, Peppers, read_key
from services.gateway.store import KeyStore, TokenStore

# To the minute is enough to find keys that nobody uses; a write for each request would cost more.
TOUCH_EVERY = timedelta(seconds=60)
# A database that hangs counts as down: the caller gets an answer before its own timeout.
IDENTIFY_WITHIN_S = 5.0
RETRY_AFTER_S = 2.0
OPERATOR_KEY = ApiKeyId("operator")
_NO_DIGEST = bytes(32)


class Authenticator:
    """Finds out who sent a request. Everything that is wrong gets the same answer."""

    def __init__(self, database: Database, authority: Authority, signer: TokenSigner, peppers: Peppers) -> None:
        self._database = database
        self._authority = authority
        self._signer = signer
        self._peppers = peppers
        self._keys = KeyStore()
        self._tokens = TokenStore()

    async def identify(self, headers: Mapping[str, str]) -> Principal:
        """Return the principal; raise AppError(UNAUTHENTICATED), or UNAVAILABLE when the database cannot be asked."""
        credential = credential_in(headers)
        try:
            async with asyncio.timeout(IDENTIFY_WITHIN_S):
                if credential.startswith("trk_"):
                    return await self._of_key(read_key(credential))
                return await self._of_token(self._signer.read(credential) if credential else None)
        except TimeoutError as error:
            raise AppError(UNAVAILABLE, "The database is not answering.", retry_after_s=RETRY_AFTER_S) from error

    def has_valid_format(self, headers: Mapping[str, str]) -> bool:
        """Return whether a credential's checksum or signature is valid, without a query."""
        credential = credential_in(headers)
        return read_key(credential) is not None or (bool(credential) and self._signer.read(credential) is not None)

    async def _of_key(self, presented: Key | None) -> Principal:
        if presented is None:
            raise _refused()
        async with self._database.without_capability() as tx:
            stored = await self._keys.find(tx, ApiKeyId(presented.id))
            # The same work and the same answer for unknown, wrong, revoked and expired: one look, one digest.
            right = self._is_right(presented, stored)
            if stored is None or not right or not stored.key.is_in_force(self._authority.now()):
                raise _refused()
            if self._is_stale(stored.key):
                await self._keys.touch(tx, stored.key.id)
        key = stored.key
        principal = Principal(
            organization_id=key.organization_id,
            api_key_id=key.id,
            actor=f"key:{key.id}",
            scopes=key.scopes,
            name=key.name,
            mode=key.mode,
            expires_at=key.expires_at,
        )
        if stored.pepper_version < self._peppers.version:
            await self._move(principal, presented, stored)
        return principal

    def _is_right(self, presented: Key, stored: StoredKey | None) -> bool:
        pepper = self._peppers.of(stored.pepper_version) if stored else None
        digest = presented.digest(pepper or self._peppers.current)
        return hmac.compare_digest(digest, stored.digest if stored else _NO_DIGEST) and pepper is not None

    async def _move(self, principal: Principal, presented: Key, stored: StoredKey) -> None:
        # Only now is the key's text at hand, from which a digest under the new pepper can be made.
        becomes = presented.digest(self._peppers.current)
        with self._authority.own(principal):
            async with self._database.transaction() as tx:
                await self._keys.rehash_with_new_pepper(tx, stored, becomes, self._peppers.version)

    async def _of_token(self, token: PatientToken | None) -> Principal:
        if token is None:
            raise _refused()
        principal = Principal(
            organization_id=token.organization_id,
            api_key_id=token.api_key_id,
            actor=f"patient:{token.patient_id}",
            patient_id=token.patient_id,
            expires_at=token.expires_at,
        )
        # Opening the transaction is refused when the key that minted the token is revoked.
        with self._authority.own(principal):
            async with self._database.transaction() as tx:
                if not await self._tokens.in_force(tx, token.jti, self._authority.now()):
                    raise _refused()
        return principal

    def _is_stale(self, key: ApiKey) -> bool:
        return key.last_used_at is None or self._authority.now() - key.last_used_at > TOUCH_EVERY


def credential_in(headers: Mapping[str, str]) -> str:
    """Return the credential of a request, empty when there is none. `headers` must ignore case."""
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    return headers.get("x-api-key", "").strip()


def operator(headers: Mapping[str, str], token: str | None) -> Principal:
    """Return the operator acting for a new organization; raise AppError(UNAUTHENTICATED) otherwise."""
    given = credential_in(headers).encode()
    # Without a token configured nothing is right, not even an empty credential.
    if not token or not hmac.compare_digest(given, token.encode()):
        raise _refused()
    return Principal(OrganizationId(new_id()), OPERATOR_KEY, "operator")


def _refused() -> AppError:
    return AppError(UNAUTHENTICATED, "The request carries no credential that is in force.")
