"""Signed checkpoints of every organization's chain, stored outside the database under names that are never reused.

The notary signs a chain only if it extends the last checkpoint and only if the service signed every new entry when it
wrote it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from libs.common.clock import Clock, utc_now
from libs.common.database.transaction import Database
from libs.common.errors import NOT_FOUND, AppError
from libs.common.log import get_logger
from libs.contracts.ids import OrganizationId
from libs.contracts.ledger import UnreadableError, genesis
from libs.ledger.signatures import Checkpoint, KeyRing, SigningKey
from services.consent.domain import ChainHead, micros
from services.consent.metrics import SIGNED, UNSIGNABLE
from services.consent.notary.store import NotaryStore

# Each is an object that is kept for ever; what comes before the next one is covered by its receipts.
SIGN_AFTER_S = 60.0
SIGN_AFTER_ENTRIES = 100
POLL_EVERY_S = 2.0
FULL_SCAN_EVERY_S = 600.0
# Upper bound on a transaction's duration: a head dated earlier than this can no longer become visible.
COMMIT_LAG_MAX = timedelta(seconds=120)
LINK_BATCH = 200
NOTE_BYTES_MAX = 2000
CONCURRENT_READS_MAX = 8
NAME_PAGE = 1000
_FOLDER = "consent/checkpoints"


class Objects(Protocol):
    """The object store operations that checkpoints need."""

    async def put(self, name: str, content: bytes) -> None:
        """Store an object."""

    async def get(self, name: str, most_bytes: int) -> bytes:
        """Return an object. Raises AppError(NOT_FOUND)."""

    async def names(self, prefix: str, after: str, most: int) -> list[str]:
        """Return names in lexical order."""


class CheckpointStore:
    """Stores the notes of all organizations. They hold only ids, counts and hashes, so they are not encrypted."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._last_seen: dict[OrganizationId, str] = {}

    async def add(self, checkpoint: Checkpoint, note: str) -> None:
        """Store a note. Raises UnreadableError if a different note exists for the same seq."""
        name = _name(checkpoint.organization_id, checkpoint.seq)
        try:
            there = await self._read(name)
        except AppError as error:
            if error.problem is not NOT_FOUND:
                raise
            await self._objects.put(name, note.encode())
            return
        # Another replica may have signed the same; anything else is a ledger with two histories.
        if Checkpoint.read(there) != checkpoint:
            raise UnreadableError("another checkpoint of this length has been signed")

    async def latest(self, organization_id: OrganizationId) -> str | None:
        """Return the note with the highest seq."""
        # From the last one seen: names only grow, so a long list is not read again each minute.
        last = self._last_seen.get(organization_id)
        while True:
            names = await self._objects.names(f"{_FOLDER}/{organization_id}/", last or "", NAME_PAGE)
            last = names[-1] if names else last
            if len(names) < NAME_PAGE:
                break
        if last is None:
            return None
        self._last_seen[organization_id] = last
        return await self._read(last)

    async def after(self, organization_id: OrganizationId, seq: int, limit: int) -> Sequence[str]:
        """Return notes after a seq, lowest seq first."""
        names = await self._objects.names(
            f"{_FOLDER}/{organization_id}/", _name(organization_id, seq) if seq else "", limit
        )
        notes: list[str] = []
        for start in range(0, len(names), CONCURRENT_READS_MAX):
            notes += await asyncio.gather(*(self._read(name) for name in names[start : start + CONCURRENT_READS_MAX]))
        return notes

    async def _read(self, name: str) -> str:
        return (await self._objects.get(name, NOTE_BYTES_MAX)).decode(errors="replace")


@dataclass
class _UnsignedChain:
    head: ChainHead
    since_s: float


class Notary:
    """Implements supervision.Worker. Signs each chain 60 seconds or 100 entries after its last checkpoint."""

    def __init__(
        self,
        database: Database,
        checkpoints: CheckpointStore,
        key: SigningKey,
        ring: KeyRing,
        *,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._store = NotaryStore()
        self._checkpoints = checkpoints
        self._key = key
        self._ring = ring
        self._clock = clock
        self._after: datetime | None = None
        self._full_scan_at_s = 0.0
        self._signed: dict[OrganizationId, int] = {}
        self._waiting: dict[OrganizationId, _UnsignedChain] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set. Signing is deferred while the database or the object store is unavailable."""
        loop = asyncio.get_running_loop()
        while not stop.is_set():
            try:
                await self.sign_due(loop.time())
            except AppError as error:
                get_logger().warning("checkpoint.deferred", reason=error.problem.slug)
            try:
                async with asyncio.timeout(POLL_EVERY_S):
                    await stop.wait()
            except TimeoutError:
                continue

    async def sign_due(self, now_s: float) -> None:
        """Find the chains that grew and sign those due at `now_s` (seconds of a monotonic clock)."""
        if now_s >= self._full_scan_at_s:
            # An attacker who moves a head back does not update its time; only a full scan finds that.
            self._after, self._full_scan_at_s = None, now_s + FULL_SCAN_EVERY_S
        async with self._database.without_capability() as tx:
            heads = await self._store.heads(tx, self._after)
        for head in heads:
            if self._signed.get(head.organization_id) != head.seq:
                waiting = self._waiting.setdefault(head.organization_id, _UnsignedChain(head, now_s))
                waiting.head = head
        if heads:
            # Capped at the current time: a forged `last_at` in the future must not hide later heads.
            self._after = min(max(head.last_at for head in heads), self._clock()) - COMMIT_LAG_MAX
        for organization_id, waiting in list(self._waiting.items()):
            new_entries = waiting.head.seq - self._signed.get(organization_id, 0)
            if new_entries >= SIGN_AFTER_ENTRIES or now_s - waiting.since_s >= SIGN_AFTER_S:
                await self._sign_or_refuse(waiting, now_s)

    async def sign(self, head: ChainHead) -> Checkpoint:
        """Sign a chain up to its head. Raises UnreadableError if it does not extend the last checkpoint."""
        note = await self._checkpoints.latest(head.organization_id)
        last = Checkpoint.read(note) if note else _nothing(head.organization_id)
        if note and not last.is_signed(note, self._ring):
            raise UnreadableError("the last checkpoint was not signed with a known key")
        if last.seq > head.seq:
            raise UnreadableError("the chain is shorter than its last checkpoint")
        at_us = await self._continues(head, last)
        # Already signed, by an earlier run or by another replica.
        if last.seq == head.seq > 0:
            return last
        checkpoint = Checkpoint(str(head.organization_id), head.seq, head.hash, at_us)
        await self._checkpoints.add(checkpoint, checkpoint.to_note(self._key))
        return checkpoint

    async def _sign_or_refuse(self, waiting: _UnsignedChain, now_s: float) -> None:
        organization_id = waiting.head.organization_id
        try:
            await self.sign(waiting.head)
        except UnreadableError as error:
            UNSIGNABLE.inc()
            get_logger().error("checkpoint.refused", organization_id=str(organization_id), reason=str(error))
            waiting.since_s = now_s  # stays queued, so that it is retried and logged again
            self._signed[organization_id] = waiting.head.seq
            return
        SIGNED.inc()
        self._signed[organization_id] = waiting.head.seq
        del self._waiting[organization_id]

    async def _continues(self, head: ChainHead, last: Checkpoint) -> int:
        seq, hash_, at_us = last.seq, last.hash, last.at_us
        while seq < head.seq:
            async with self._database.without_capability() as tx:
                limit = min(LINK_BATCH, head.seq - seq)
                links = await self._store.links(tx, head.organization_id, seq, limit)
            if not links:
                raise UnreadableError("entries are missing")
            for each in links:
                if not each.continues(seq, hash_):
                    raise UnreadableError("an entry does not follow from the one before it")
                if not each.is_signed(head.organization_id, self._ring):
                    raise UnreadableError("an entry was not signed by this service")
                seq, hash_, at_us = each.position.seq, each.position.hash, micros(each.at)
        if hash_ != head.hash:
            raise UnreadableError("the head does not match the hash of the last entry")
        return at_us


def _nothing(organization_id: OrganizationId) -> Checkpoint:
    return Checkpoint(str(organization_id), 0, genesis(str(organization_id)), 0)


def _name(organization_id: OrganizationId | str, seq: int) -> str:
    return f"{_FOLDER}/{organization_id}/{seq:012d}"
