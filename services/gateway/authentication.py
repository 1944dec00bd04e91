"""Who is asking: an organization by its key, a patient by a token, or the operator."""

import hmac
from collections.abc import Mapping
from datetime import timedelta

from libs.common.database import Database
from libs.common.errors import UNAUTHENTICATED, AppError
from libs.common.ids import new_id
from libs.contracts.ids import ApiKeyId, OrganizationId
from services.gateway.authority import Authority
from services.gateway.domain import ApiKey, PatientToken, Principal
from services.gateway.key_format import Key, read_key
from services.gateway.patient_tokens import TokenSigner
from services.gateway.store import KeyStore, TokenStore

TOUCH_EVERY = timedelta(seconds=60)
OPERATOR_KEY = ApiKeyId("operator")
_NO_DIGEST = bytes(32)


class Authenticator:
    """Finds out who sent a request. Everything that is wrong gets the same answer."""

    def __init__(self, database: Database, authority: Authority, signer: TokenSigner, pepper: bytes) -> None:
        self._database = database
        self._authority = authority
        self._signer = signer
        self._pepper = pepper
        self._keys = KeyStore()
        self._tokens = TokenStore()

    async def identify(self, headers: Mapping[str, str]) -> Principal:
        """Return the principal; raise AppError(UNAUTHENTICATED), or UNAVAILABLE when the database cannot be asked."""
        credential = credential_in(headers)
        if credential.startswith("trk_"):
            return await self._of_key(read_key(credential))
        return await self._of_token(self._signer.read(credential) if credential else None)

    async def _of_key(self, presented: Key | None) -> Principal:
        if presented is None:
            raise _refused()
        async with self._database.without_capability() as tx:
            stored = await self._keys.find(tx, ApiKeyId(presented.id))
            # The same work for unknown and wrong, and the same answer as for revoked.
            right = hmac.compare_digest(presented.digest(self._pepper), stored.digest if stored else _NO_DIGEST)
            if stored is None or not right or stored.key.revoked_at is not None:
                raise _refused()
            if self._is_stale(stored.key):
                await self._keys.touch(tx, stored.key.id)
        key = stored.key
        return Principal(
            organization_id=key.organization_id,
            api_key_id=key.id,
            actor=f"key:{key.id}",
            scopes=key.scopes,
            name=key.name,
            mode=key.mode,
        )

    async def _of_token(self, token: PatientToken | None) -> Principal:
        if token is None:
            raise _refused()
        principal = Principal(
            organization_id=token.organization_id,
            api_key_id=token.api_key_id,
            actor=f"patient:{token.patient_id}",
            patient_id=token.patient_id,
        )
        # Opening the transaction is refused when the key that minted the token is revoked.
        with self._authority.own(principal):
            async with self._database.transaction() as tx:
                if not await self._tokens.in_force(tx, token.jti):
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
    """Return the operator acting for a new organization; raise AppError(UNAUTHENTICATED) for anybody else."""
    given = credential_in(headers).encode()
    if not token or not hmac.compare_digest(given, token.encode()):
        raise _refused()
    return Principal(OrganizationId(new_id()), OPERATOR_KEY, "operator")


def _refused() -> AppError:
    return AppError(UNAUTHENTICATED, "The request carries no credential that is in force.")
