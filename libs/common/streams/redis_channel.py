"""One topic on Redis 6.2+ or Valkey as one consumer sees it: every change is one command or one script of one slot."""

import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from redis import exceptions
from redis.asyncio import Redis

from libs.common.errors import INTERNAL, AppError, BrokerUnavailableError
from libs.common.redis.calls import script_of, translated
from libs.common.streams.consumer_name import is_dead_here, new_consumer_name
from libs.common.streams.dead_letters import say_dead
from libs.common.streams.entries import BAD_FIELD, ENTRY_SIZE_MAX, bytes_in, delivery_of
from libs.common.streams.lease import LEASE_MS, Lease
from libs.common.streams.port import DeadLetterLimit, DeadLetterReason, Delivery
from libs.common.streams.scripts import SCRIPTS

READ_BLOCK_MAX_S = 5.0
"""A read that the server holds open; added to the socket's timeout, so that waiting is not taken for an outage."""
AUDIT_IDLE_MS = 3_000
"""An entry of ours that is idle for longer than two beats of the lease and unknown to us got lost on its way."""
# A script blocks the server for all: of each so many entries in one call.
AUDIT_MAX = 500
ACK_MAX = 500
PROMOTE_MAX = 500
ISOLATED_KEPT_S = 86_400
"""How often an entry was started alone is forgotten after a day: by then it is done or dead-lettered."""
LIMIT_WINDOW_MS = 60_000
"""Dead letters are counted over a minute: one bad event passes, a bad release stops its group."""


@dataclass(frozen=True)
class Place:
    """Where a consumer stands. Of an `ordered` topic one of the group's consumers reads at a time."""

    topic: str
    group: str
    ordered: bool = False


class RedisChannel:
    """One topic as one consumer sees it (implements port.Channel)."""

    def __init__(
        self,
        redis: Redis,
        url: str,
        place: Place,
        limit: DeadLetterLimit | None = None,
    ) -> None:
        topic, group = self.topic, self.group = place.topic, place.group
        self.consumer, self.ordered = new_consumer_name(), place.ordered
        self._redis, self._limit = redis, limit or DeadLetterLimit()
        # In braces: a cluster keeps all keys of a topic in one slot, and only there may one script touch them together.
        self._lanes = {"s": f"{{{topic}}}:s", "r": f"{{{topic}}}:r:{group}"}
        self._due, self._bodies = f"{{{topic}}}:z:{group}", f"{{{topic}}}:zp:{group}"
        self._dead, self._leases = f"{{{topic}}}:dlq:{group}", f"{{{topic}}}:hb:{group}"
        self._isolated, self._lead = f"{{{topic}}}:solo:{group}", f"{{{topic}}}:own:{group}"
        self._pause = f"{{{topic}}}:pause:{group}"
        self._lease = Lease(url, (self._leases, self._lead), self.consumer)
        self._scripts = {path.stem: script_of(redis, path) for path in sorted(SCRIPTS.glob("*.lua"))}

    async def open(self) -> None:
        """Make the groups, beat once, then free what dead consumers of this host held.

        Raises AppError(INTERNAL) on a server that may evict: it would drop entries nobody has seen.
        """
        if await self._may_evict():
            raise AppError(INTERNAL, "The event stream may drop entries: set maxmemory-policy noeviction.")
        await translated(self._ensure())
        # Before anything is read: without a lease another's sweep would take it over at once.
        await self._run("beat", [self._leases, self._lead], self.consumer, LEASE_MS)
        self._lease.start()
        dead = [name for name in await self._call("ZRANGE", self._leases, 0, -1) or () if is_dead_here(name)]
        if dead:
            await self._run("reap", [self._leases, self._lead], *dead)

    async def lead(self) -> bool:
        """Hold the lead of an ordered topic, or take it when it is free; the lease's beat keeps it."""
        return not self.ordered or bool(await self._run("lead", [self._lead], self.consumer, LEASE_MS))

    async def read(self, count: int, block_s: float) -> Sequence[Delivery]:
        """Read new entries of both lanes."""
        self._lease.note_loop_alive()
        wait_ms = int(min(block_s, READ_BLOCK_MAX_S) * 1000)
        # BLOCK 0 would wait for ever.
        options = ("GROUP", self.group, self.consumer, "COUNT", count, *(("BLOCK", wait_ms) if wait_ms else ()))
        found = await self._call("XREADGROUP", *options, "STREAMS", *self._lanes.values(), ">", ">")
        lane_of = {key: lane for lane, key in self._lanes.items()}
        return [
            delivery_of(lane_of[key], entry_id, fields)
            for key, entries in (found or {}).items()
            for entry_id, fields in entries
        ]

    async def ack(self, deliveries: Collection[Delivery]) -> None:
        """Acknowledge, one command per lane."""
        for key, ids in self._by_lane(deliveries):
            # In pieces: the server does one command at a time, and all consumers would wait for a long one.
            for start in range(0, len(ids), ACK_MAX):
                await self._call("XACK", key, self.group, *ids[start : start + ACK_MAX])

    async def park(self, delivery: Delivery, delay_s: float, attempt: int) -> bool:
        """Put aside beside the stream."""
        # With the body: the stream may have trimmed the entry by the time it is due.
        fields = {"d": delivery.body, "n": str(attempt), "e": str(delivery.epoch), "p": delivery.previous}
        value = json.dumps(fields)
        token = f"{delivery.lane}:{delivery.entry_id}"
        keys = [self._lanes[delivery.lane], self._due, self._bodies]
        delay_ms = int(delay_s * 1000)
        return bool(await self._run("park", keys, self.group, delivery.entry_id, self.consumer, token, delay_ms, value))

    async def dead_letter(self, delivery: Delivery, reason: DeadLetterReason) -> bool:
        """Move to the dead letters with the reason beside the body; of one with a fault the body may be gone."""
        size = delivery.fault.size_bytes if delivery.fault else bytes_in(delivery.body)
        fields = ({"d": delivery.body} if delivery.body else {}) | {
            "_why": reason.code,
            "_place": reason.location,
            "_id": delivery.entry_id,
            "_size": str(size),
            "_attempts": str(delivery.attempt),
            "_epoch": str(delivery.epoch),
            "_consumer": self.consumer,
            "_at_ms": str(time.time_ns() // 1_000_000),
        }
        flat = [part for item in fields.items() for part in item]
        keys = [self._lanes[delivery.lane], self._dead]
        return bool(await self._run("dead_letter", keys, self.group, delivery.entry_id, self.consumer, *flat))

    async def may_dead_letter(self) -> bool:
        """Count the dead letters where they are: those of the last minute, and those since the group was resumed."""
        limit = (self._limit.count, self._limit.a_minute, LIMIT_WINDOW_MS)
        return not await self._run("limit", [self._dead, self._pause], *limit)

    async def paused(self) -> str:
        """Read the note beside the stream."""
        return str(await self._call("HGET", self._pause, "why") or "")

    async def promote(self) -> float | None:
        """Move due retries to the retry lane; an unreadable parked one goes to the dead letters."""
        keys = [self._due, self._bodies, self._lanes["r"], self._dead]
        # None came back from a server that was flushed (_regrouped): nothing is parked there any more.
        next_ms, lost = await self._run("promote", keys, PROMOTE_MAX, BAD_FIELD) or (-1, ())
        for token, size in lost:
            say_dead((self.topic, self.group), BAD_FIELD, token, int(size))
        return None if int(next_ms) < 0 else int(next_ms) / 1000

    async def sweep(self, room: int) -> Sequence[Delivery]:
        """Take over from the dead, one script per lane."""
        self._lease.note_loop_alive()
        taken: list[Delivery] = []
        for lane, key in self._lanes.items():
            options = (self.group, self.consumer, room - len(taken), ENTRY_SIZE_MAX)
            found = await self._run("sweep", [key, self._leases], *options)
            taken += [
                # How often it was held, and by whom, tells a poison message from a worker that was merely killed.
                replace(delivery_of(lane, entry_id, _paired(flat)), times=int(times), previous_consumer=owner)
                for entry_id, flat, times, owner in found or ()
            ]
        return taken

    async def mark_isolated(self, delivery: Delivery) -> int:
        """Count in a hash beside the stream. The mark of a crashed worker expires with the hash."""
        counted = int(await self._call("HINCRBY", self._isolated, f"{delivery.lane}:{delivery.entry_id}", 1))
        await self._call("EXPIRE", self._isolated, ISOLATED_KEPT_S)
        return counted

    async def unmark(self, delivery: Delivery) -> None:
        """Forget the count."""
        await self._call("HDEL", self._isolated, f"{delivery.lane}:{delivery.entry_id}")

    async def audit(self, known: Collection[Delivery], room: int) -> Sequence[Delivery]:
        """Claim what is ours on the server's books only."""
        mine = {(delivery.lane, delivery.entry_id) for delivery in known}
        found: list[Delivery] = []
        for lane, key in self._lanes.items():
            # Idle for a while: what was read this moment is not in `known` yet.
            listing = self._redis.xpending_range(
                key, self.group, "-", "+", AUDIT_MAX, self.consumer, idle=AUDIT_IDLE_MS
            )
            pending = await self._regrouped(listing) or ()
            ids = [p["message_id"] for p in pending if (lane, p["message_id"]) not in mine][: max(0, room - len(found))]
            if ids:
                options = (self.group, self.consumer, AUDIT_IDLE_MS, ENTRY_SIZE_MAX)
                got = await self._run("claim", [key], *options, *ids) or ()
                found += [delivery_of(lane, entry_id, _paired(flat)) for entry_id, flat in got]
        return found

    async def release(self, deliveries: Collection[Delivery]) -> None:
        """Hand back to `~free`."""
        for key, ids in self._by_lane(deliveries):
            # Nobody holds a lease by that name: the next sweep takes them, and counts no failed try.
            await self._run("release", [key], self.group, self.consumer, *ids)

    async def trim(self, retention_s: float) -> int:
        """Trim both lanes, one script each; a handled retry is not kept."""
        kept = await self._run("trim", [self._lanes["s"]], int(retention_s * 1000))
        return int(kept or 0) + int(await self._run("trim", [self._lanes["r"]], 0) or 0)

    async def close(self) -> None:
        """Stop beating and leave."""
        self._lease.stop()
        # With the server away there is nothing to leave: the lease runs out by itself.
        with contextlib.suppress(BrokerUnavailableError):
            await self._run("leave", [*self._lanes.values(), self._leases, self._lead], self.group, self.consumer)

    async def _may_evict(self) -> bool:
        memory: Awaitable[dict[str, Any]] = self._redis.info("memory")
        return bool((await translated(memory)).get("maxmemory_policy", "noeviction") != "noeviction")

    async def _ensure(self) -> None:
        for key in self._lanes.values():
            try:
                # From 0: facts that were written before there was a group are for it as well.
                await self._redis.xgroup_create(key, self.group, id="0", mkstream=True)
            except exceptions.ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

    async def _call(self, *command: Any) -> Any:  # the shapes of replies are read where they are used
        execute: Callable[..., Awaitable[Any]] = self._redis.execute_command
        return await self._regrouped(execute(*command))

    async def _run(self, script: str, keys: list[str], *arguments: Any) -> Any:
        return await self._regrouped(self._scripts[script](keys=keys, args=list(arguments)))

    async def _regrouped(self, reply: Awaitable[Any]) -> Any:
        """A flushed server has no groups: make them again from the first entry, never from the end."""
        try:
            return await translated(reply)
        except exceptions.ResponseError as error:
            # UNBLOCKED is what a waiting read is told when its stream is deleted under it.
            if not any(word in str(error) for word in ("NOGROUP", "UNBLOCKED", "no such key")):
                raise
            await translated(self._ensure())
            return None

    def _by_lane(self, deliveries: Collection[Delivery]) -> Iterator[tuple[str, list[str]]]:
        for lane, key in self._lanes.items():
            ids = [delivery.entry_id for delivery in deliveries if delivery.lane == lane]
            if ids:
                yield key, ids


def _paired(flat: Any) -> dict[str, str]:
    # RESP3 has maps where RESP2, and every script, gives names and values in turn.
    return dict(flat) if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))
