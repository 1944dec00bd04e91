"""Idempotency keys: a POST that is sent again is done once, for the credential that sent it.

What was answered is not kept, only which object it was about: a repeat reads that again, with the rights and under the
consent of now. A secret that was made is kept for a minute. Whatever is kept is found, compared and sealed under keys
that are made from the presented credential, which the database does not hold: no other key meets it, and nobody who
reads the database can tell what was asked.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from libs.common.clock import Clock
from libs.common.database.transaction import Database
from libs.common.errors import INVALID_REQUEST, AppError, FieldError
from libs.common.ids import new_id
from libs.contracts.ids import OrganizationId, PatientId
from libs.contracts.problems import REPLAY_CHANGED, REPLAY_RUNNING
from services.gateway.domain import REPLAY_WITHIN, RUNNING_AT_MOST, SECRET_WITHIN
from services.gateway.idempotency.store import Claim, IdempotencyStore, RetentionCutoffs, StoredResult

KEY_CHARS_MAX = 255
OBJECT_CHARS_MAX = 64
RETRY_AFTER_S = 1.0
_NONCE_BYTES = 12


@dataclass(frozen=True)
class IdempotentRequest:
    """A request that carries an Idempotency-Key. `what`: all that makes it the same request when it is sent again."""

    credential: str = field(repr=False)
    organization_id: OrganizationId
    place: str
    route: str
    key: str = field(repr=False)
    what: bytes = field(repr=False)


@dataclass(frozen=True)
class IdempotencyClaim:
    """The claim on an Idempotency-Key, and the encryption key for a secret in its response."""

    claim: Claim
    sealing_key: bytes = field(repr=False)


@dataclass(frozen=True)
class CompletedRequest:
    """What a request came to: the object it was about. `secret`: the answer, where a secret is in it."""

    status: int
    object_id: str
    patient_id: PatientId | None = None
    contains_session_content: bool = False
    secret: bytes | None = field(default=None, repr=False)


class Idempotency:
    """Remembers for a day what was done."""

    def __init__(
        self, database: Database, store: IdempotencyStore, clock: Clock, random_bytes: Callable[[int], bytes]
    ) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._random_bytes = random_bytes

    async def begin(self, attempt: IdempotencyClaim) -> CompletedRequest | None:
        """Take the key for this request, or return what the first one came to.

        Raises AppError: REPLAY_CHANGED for another request, REPLAY_RUNNING while the first is not answered.
        """
        now = self._clock()
        async with self._database.transaction() as tx:
            await self._store.forget(
                # First what is past its time, or yesterday's key would still be found taken.
                tx,
                RetentionCutoffs(now - REPLAY_WITHIN, now - RUNNING_AT_MOST, now - SECRET_WITHIN),
            )
            if await self._store.take(tx, attempt.claim, now):
                return None
            kept = await self._store.find(tx, attempt.claim)
        # Taken by another and released again between the two statements.
        if kept is None:
            raise _running()
        if not hmac.compare_digest(kept.body_sha256, attempt.claim.body_sha256):
            raise AppError(REPLAY_CHANGED, "This Idempotency-Key was used for another request.")
        if kept.status is None or kept.object_id is None:
            raise _running()
        return CompletedRequest(kept.status, kept.object_id, secret=_opened(attempt, kept))

    async def begin_again(self, attempt: IdempotencyClaim) -> None:
        """Take the key of a request whose answer may not be given any more; raise AppError(REPLAY_RUNNING)."""
        async with self._database.transaction() as tx:
            if not await self._store.take_over(tx, attempt.claim, self._clock()):
                raise _running()

    async def keep(self, attempt: IdempotencyClaim, done: CompletedRequest) -> None:
        """Remember what the request came to."""
        sealed = _sealed(attempt, done.secret, self._random_bytes(_NONCE_BYTES)) if done.secret is not None else None
        kept = StoredResult(
            attempt.claim.body_sha256,
            done.status,
            done.object_id,
            done.patient_id,
            done.contains_session_content,
            sealed,
        )
        async with self._database.transaction() as tx:
            await self._store.keep(tx, attempt.claim, kept, self._clock())

    async def release(self, attempt: IdempotencyClaim) -> None:
        """Forget the request: nothing was done, so it may be tried again."""
        async with self._database.transaction() as tx:
            await self._store.release(tx, attempt.claim)


def attempt(asking: IdempotentRequest) -> IdempotencyClaim:
    """Describe a request; raise AppError(INVALID_REQUEST) for a key that cannot be one."""
    require_key(asking.key)
    place = f"{asking.place}\x00{asking.key}".encode()
    keys = [
        # Three uses, three keys: nothing that is stored for one of them can stand for another.
        HKDF(SHA256(), 32, salt=None, info=b"therapyrag idempotency " + use).derive(asking.credential.encode())
        for use in (b"place", b"request", b"secret")
    ]
    claim = Claim(
        organization_id=asking.organization_id,
        key_sha256=_hmac(keys[0], place),
        route=asking.route,
        body_sha256=_hmac(keys[1], place + b"\x00" + asking.what),
        # Whose claim it is: a request that was thought dead must not release or answer the one that took over.
        owner=new_id(),
    )
    return IdempotencyClaim(claim, _hmac(keys[2], place))


def require_key(key: str) -> None:
    """Raise AppError(INVALID_REQUEST) for what cannot be an Idempotency-Key."""
    if not 0 < len(key) <= KEY_CHARS_MAX or not key.isascii() or not key.isprintable():
        fault = FieldError("/header/Idempotency-Key", f"It has 1 to {KEY_CHARS_MAX} printable ASCII characters.")
        raise AppError(INVALID_REQUEST, "The Idempotency-Key is not valid.", errors=[fault])


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def _sealed(attempt_: IdempotencyClaim, secret: bytes, nonce: bytes) -> bytes:
    # Bound to its row: moved to another, it does not open.
    return nonce + AESGCM(attempt_.sealing_key).encrypt(nonce, secret, attempt_.claim.key_sha256)


def _opened(attempt_: IdempotencyClaim, kept: StoredResult) -> bytes | None:
    sealed = kept.sealed
    if sealed is None:
        return None
    return AESGCM(attempt_.sealing_key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], attempt_.claim.key_sha256)


def _running() -> AppError:
    return AppError(REPLAY_RUNNING, "The first request is still running.", retry_after_s=RETRY_AFTER_S)
