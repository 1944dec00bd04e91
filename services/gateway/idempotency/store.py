"""The table of Idempotency-Keys and all SQL on it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from libs.common.database.transaction import Transaction
from libs.contracts.ids import OrganizationId, PatientId

UUID_BYTES = 16
_FORGET = text(
    "delete from replay_deletable"
    " where started_at < :too_old or (answer is null and started_at < :dead_if_running_since)"
)
_TAKE = text(
    "insert into replay (organization_id, key_sha256, route, body_sha256, owner, started_at) values "
    "(:organization_id, :key_sha256, :route, :body_sha256, :owner, :at) on conflict do nothing returning 1"
)
_FORGET_SECRETS = text("update replay set sealed = null where sealed is not null and kept_at < :secret_gone")
_REPLAY = text(
    "select body_sha256, status, object_id, patient_id, tells_words, sealed from replay"
    " where place_id = :place_id and key_sha256 = :key_sha256 and route = :route"
)
# An empty answer says to a gateway of the version before that the request is done.
_KEEP = text(
    "update replay set answer = '', status = :status, object_id = :object_id, patient_id = :patient_id,"
    " tells_words = :tells_words, sealed = :sealed, kept_at = :at"
    " where place_id = :place_id and key_sha256 = :key_sha256 and route = :route and owner = :owner"
)
_TAKE_OVER = text(
    "update replay set answer = null, status = null, object_id = null, owner = :owner, started_at = :at"
    " where place_id = :place_id and key_sha256 = :key_sha256 and route = :route and answer is not null returning 1"
)
_FORGET_WORDS = text("select forget_words(:patient_id, :transcripts)")
_RELEASE = text(
    "delete from replay_deletable"
    " where place_id = :place_id and key_sha256 = :key_sha256 and route = :route and owner = :owner and answer is null"
)


@dataclass(frozen=True)
class Claim:
    """One request's hold on an Idempotency-Key; `owner` tells it from a later request with the same key."""

    organization_id: OrganizationId
    key_sha256: bytes
    route: str
    body_sha256: bytes
    owner: UUID


@dataclass(frozen=True)
class StoredResult:
    """What is known of an Idempotency-Key; `status` is None while the request runs."""

    body_sha256: bytes
    status: int | None
    object_id: str | None
    patient_id: PatientId | None = None
    contains_session_content: bool = False
    sealed: bytes | None = None


@dataclass(frozen=True)
class RetentionCutoffs:
    """The times before which results, running claims and secrets are deleted."""

    too_old: datetime
    dead_if_running_since: datetime
    secret_gone: datetime


class IdempotencyStore:
    """Idempotency-Keys in use and what their requests came to."""

    async def forget(self, tx: Transaction, ages: RetentionCutoffs) -> None:
        """Drop what need not be remembered any more."""
        await tx.execute(_FORGET, {"too_old": ages.too_old, "dead_if_running_since": ages.dead_if_running_since})
        await tx.execute(_FORGET_SECRETS, {"secret_gone": ages.secret_gone})

    async def forget_words(self, tx: Transaction, patient_id: UUID, *, transcripts: bool) -> None:
        """Delete references to a patient's answers and, if asked, to transcripts."""
        await tx.execute(_FORGET_WORDS, {"patient_id": patient_id, "transcripts": transcripts})

    async def take(self, tx: Transaction, claim: Claim, at: datetime) -> bool:
        """Take a key; False when another request has it. Blocks while a concurrent duplicate decides."""
        values = {
            "organization_id": claim.organization_id,
            "key_sha256": claim.key_sha256,
            "route": claim.route,
            "body_sha256": claim.body_sha256,
            "owner": claim.owner,
            "at": at,
        }
        return (await tx.execute(_TAKE, values)).first() is not None

    async def find(self, tx: Transaction, claim: Claim) -> StoredResult | None:
        """Return what another request left under this key."""
        row = (await tx.execute(_REPLAY, _place(claim))).first()
        if row is None:
            return None
        sealed = None if row.sealed is None else bytes(row.sealed)
        patient_id = PatientId(row.patient_id) if row.patient_id else None
        return StoredResult(bytes(row.body_sha256), row.status, row.object_id, patient_id, row.tells_words, sealed)

    async def keep(self, tx: Transaction, claim: Claim, kept: StoredResult, at: datetime) -> None:
        """Leave what the request came to."""
        left = {
            "status": kept.status,
            "object_id": kept.object_id,
            "patient_id": kept.patient_id,
            "tells_words": kept.contains_session_content,
            "sealed": kept.sealed,
        }
        await tx.execute(_KEEP, _place(claim) | {"owner": claim.owner, "at": at} | left)

    async def take_over(self, tx: Transaction, claim: Claim, at: datetime) -> bool:
        """Take a key whose request was done for another one; False when another request has taken it."""
        return (await tx.execute(_TAKE_OVER, _place(claim) | {"owner": claim.owner, "at": at})).first() is not None

    async def release(self, tx: Transaction, claim: Claim) -> None:
        """Give the key back unanswered."""
        await tx.execute(_RELEASE, _place(claim) | {"owner": claim.owner})


def _place(claim: Claim) -> dict[str, Any]:
    # An index serves a login by ids alone (deploy/postgres/comparisons.sql): the digest's first half is one.
    place_id = UUID(bytes=claim.key_sha256[:UUID_BYTES])
    return {"place_id": place_id, "key_sha256": claim.key_sha256, "route": claim.route}
