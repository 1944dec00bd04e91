"""Idempotency keys: a POST that is sent again gets the first answer again, and is done once.

Answers may hold a patient's words or a new key's secret, so they are sealed under a key that is made from the caller's
own Idempotency-Key; of that only a digest is stored. Who reads the database cannot read the answers.
"""

import base64
import hashlib
import json
import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from libs.common.clock import Clock
from libs.common.database import Database
from libs.common.errors import INVALID_REQUEST, AppError, FieldError
from libs.common.ids import new_id
from libs.contracts.problems import REPLAY_CHANGED, REPLAY_RUNNING
from services.gateway.domain import REPLAY_WITHIN, RUNNING_AT_MOST, Principal
from services.gateway.store import Claim, ReplayStore

KEY_CHARS_MAX = 255
RETRY_AFTER_S = 1.0
_NONCE_BYTES = 12


@dataclass(frozen=True)
class Answer:
    """An answer that can be given again."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Place:
    """Where a request goes: as it was sent, and as it may be written down."""

    sent: str
    told: str


@dataclass(frozen=True)
class Attempt:
    """A request that carries an Idempotency-Key: who, where, which key, and what it asks."""

    claim: Claim
    sealing_key: bytes


class Replays:
    """Remembers answers for a day."""

    def __init__(self, database: Database, store: ReplayStore, pepper: bytes, clock: Clock) -> None:
        self._database = database
        self._store = store
        self._pepper = pepper
        self._clock = clock

    def attempt(self, principal: Principal, place: Place, key: str, body: bytes) -> Attempt:
        """Describe a request; raise AppError(INVALID_REQUEST) for a key that cannot be one."""
        require_key(key)
        # A patient's keys are that patient's own; an organization's are shared by all its API keys.
        whose = str(principal.patient_id or principal.organization_id)
        material = f"{whose}\x00{place.sent}\x00{key}".encode()
        derive = HKDF(SHA256(), 32, salt=self._pepper, info=b"therapyrag idempotency")
        claim = Claim(
            organization_id=principal.organization_id,
            key_sha256=hashlib.sha256(material).digest(),
            route=place.told,
            body_sha256=hashlib.sha256(body).digest(),
            owner=new_id(),
        )
        return Attempt(claim, derive.derive(material))

    async def begin(self, attempt: Attempt) -> Answer | None:
        """Take the key for this request, or return the answer the first one got.

        Raises AppError: REPLAY_CHANGED for another body, REPLAY_RUNNING while the first is not answered.
        """
        now = self._clock()
        async with self._database.transaction() as tx:
            await self._store.forget(tx, now - REPLAY_WITHIN, now - RUNNING_AT_MOST)
            if await self._store.take(tx, attempt.claim, now):
                return None
            kept = await self._store.find(tx, attempt.claim)
        if kept is None:
            raise _running()
        if kept.body_sha256 != attempt.claim.body_sha256:
            raise AppError(REPLAY_CHANGED, "This Idempotency-Key was used for another body.")
        if kept.answer is None:
            raise _running()
        return _opened(attempt, kept.answer)

    async def keep(self, attempt: Attempt, answer: Answer) -> None:
        """Remember the answer."""
        async with self._database.transaction() as tx:
            await self._store.keep(tx, attempt.claim, _sealed(attempt, answer))

    async def release(self, attempt: Attempt) -> None:
        """Forget the request: it failed on our side and may be tried again."""
        async with self._database.transaction() as tx:
            await self._store.release(tx, attempt.claim)


def require_key(key: str) -> None:
    """Raise AppError(INVALID_REQUEST) for what cannot be an Idempotency-Key."""
    if not 0 < len(key) <= KEY_CHARS_MAX or not key.isascii() or not key.isprintable():
        fault = FieldError("/header/Idempotency-Key", f"It has 1 to {KEY_CHARS_MAX} printable ASCII characters.")
        raise AppError(INVALID_REQUEST, "The Idempotency-Key is not valid.", errors=[fault])


def _sealed(attempt: Attempt, answer: Answer) -> bytes:
    plain = json.dumps(
        {"status": answer.status, "headers": answer.headers, "body": base64.b64encode(answer.body).decode()}
    )
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(attempt.sealing_key).encrypt(nonce, plain.encode(), attempt.claim.key_sha256)


def _opened(attempt: Attempt, sealed: bytes) -> Answer:
    try:
        plain = AESGCM(attempt.sealing_key).decrypt(
            sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], attempt.claim.key_sha256
        )
    except InvalidTag as error:
        # The pepper was changed meanwhile: the answer is lost, and doing it again would be wrong.
        raise AppError(REPLAY_CHANGED, "The first answer can no longer be read. Use a new Idempotency-Key.") from error
    kept = json.loads(plain)
    return Answer(kept["status"], kept["headers"], base64.b64decode(kept["body"]))


def _running() -> AppError:
    return AppError(REPLAY_RUNNING, "The first request is still running.", retry_after_s=RETRY_AFTER_S)
