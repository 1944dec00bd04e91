"""Streams on Redis 6.2+ or Valkey: every change of state is one command or one script on keys of one hash tag."""

import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.commands.core import AsyncScript

from libs.common.consumer_name import is_dead_here, new_consumer_name
from libs.common.errors import INTERNAL, AppError
from libs.common.lease import LEASE_MS, Lease
from libs.common.metrics import MAY_EVICT
from libs.common.streams import DeadLetter, Delivery, Depth, StreamDownError

SOCKET_TIMEOUT_S = 5.0
READ_BLOCK_MAX_S = 5.0
AUDIT_IDLE_MS = 3_000
AUDIT_MAX = 500
ACK_MAX = 500
LAG_MAX = 10_000
"""A topic whose slowest group is this far behind takes no more: the rest waits in PostgreSQL, not in memory."""
PROMOTE_MAX = 500
_DOWN = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.BusyLoadingError,
    exceptions.ReadOnlyError,
    OSError,
)
T = TypeVar("T")
_SCRIPTS = Path(__file__).parent / "lua"


class RedisStreams:
    """One server (redis://, rediss:// or unix://) and all its topics; `lag_max` is where publishing is held back."""

    def __init__(self, url: str, lag_max: int = LAG_MAX) -> None:
        self._url = url
        self._lag_max = lag_max
        # Never repeats a command by itself: a lost reply must not write twice.
        self._redis = Redis.from_url(
            url,
            protocol=3,
            legacy_responses=False,
            decode_responses=True,
            socket_timeout=SOCKET_TIMEOUT_S + READ_BLOCK_MAX_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )

    def publisher(self) -> "RedisPublisher":
        """Return the writing side of all topics."""
        return RedisPublisher(self._redis, self._lag_max)

    def channel(self, topic: str, group: str, *, ordered: bool = False) -> "RedisChannel":
        """Return one topic as a new consumer of the group sees it."""
        return RedisChannel(self._redis, self._url, (topic, group), ordered)

    async def forget(self, topic: str) -> None:
        """Delete all of a topic, as a wiped server would; what matters comes back from the outbox."""
        keys = [key async for key in self._redis.scan_iter(match=f"{{{topic}}}:*")]
        if keys:
            await self._redis.delete(*keys)

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()


class RedisPublisher:
    """The writing side (contract: streams.Publisher)."""

    def __init__(self, redis: Redis, lag_max: int = LAG_MAX) -> None:
        self._redis = redis
        self._lag_max = lag_max
        self._publish = _script(redis, "publish")

    async def cursors(self, topics: Sequence[str]) -> Mapping[str, str]:
        """Read each topic's cursor, in one round trip."""
        pipeline = self._redis.pipeline(transaction=False)
        for topic in topics:
            pipeline.get(f"{{{topic}}}:cur")
        found: Sequence[str | None] = await _translated(pipeline.execute())
        return {topic: cursor or "" for topic, cursor in zip(topics, found, strict=True)}

    async def publish(self, topic: str, expected: str, new: str, bodies: Sequence[str]) -> str:
        """Append and move the cursor in one script."""
        keys = [f"{{{topic}}}:s", f"{{{topic}}}:cur"]
        return str(await _translated(self._publish(keys=keys, args=[expected, new, self._lag_max, *bodies])))

    async def hint(self, outbox: str) -> None:
        """Publish on a channel of the outbox; who does not listen now finds the rows by looking."""
        await _translated(self._redis.publish(f"{outbox}:committed", ""))

    async def hints(self, outbox: str) -> AsyncIterator[None]:
        """Listen on that channel, over a connection of its own."""
        async with self._redis.pubsub(ignore_subscribe_messages=True) as listening:
            await _translated(listening.subscribe(f"{outbox}:committed"))
            while True:
                if await _translated(listening.get_message(timeout=READ_BLOCK_MAX_S)) is not None:
                    yield


class RedisChannel:
    """One topic as one consumer sees it (contract: streams.Channel)."""

    def __init__(self, redis: Redis, url: str, place: tuple[str, str], ordered: bool = False) -> None:
        topic, group = self.topic, self.group = place
        self.consumer, self.ordered = new_consumer_name(), ordered
        self._redis = redis
        self._lanes = {"s": f"{{{topic}}}:s", "r": f"{{{topic}}}:r:{group}"}
        self._due, self._bodies = f"{{{topic}}}:z:{group}", f"{{{topic}}}:zp:{group}"
        self._dead, self._leases = f"{{{topic}}}:dlq:{group}", f"{{{topic}}}:hb:{group}"
        self._alone, self._lead = f"{{{topic}}}:solo:{group}", f"{{{topic}}}:own:{group}"
        self._lease = Lease(url, (self._leases, self._lead), self.consumer)
        self._scripts = {path.stem: _script(redis, path.stem) for path in sorted(_SCRIPTS.glob("*.lua"))}

    async def open(self) -> None:
        """Make the groups, beat once, then free what dead consumers of this host held.

        Raises AppError(INTERNAL) on a server that may evict: it would drop entries nobody has seen.
        """
        if await self._may_evict():
            raise AppError(INTERNAL, "The event stream may drop entries: set maxmemory-policy noeviction.")
        await _translated(self._ensure())
        await self._run("beat", [self._leases, self._lead], self.consumer, LEASE_MS)
        self._lease.start()
        dead = [name for name in await self._call("ZRANGE", self._leases, 0, -1) or () if is_dead_here(name)]
        if dead:
            await self._run("reap", [self._leases, self._lead], *dead)

    async def lead(self) -> bool:
        """Hold the lead of an ordered topic, or take it when nobody does; the lease's beat keeps it."""
        return not self.ordered or bool(await self._run("lead", [self._lead], self.consumer, LEASE_MS))

    async def read(self, count: int, block_s: float) -> Sequence[Delivery]:
        """Read new entries of both lanes."""
        self._lease.loop_is_alive()
        wait_ms = int(min(block_s, READ_BLOCK_MAX_S) * 1000)
        # BLOCK 0 would wait for ever.
        options = ("GROUP", self.group, self.consumer, "COUNT", count, *(("BLOCK", wait_ms) if wait_ms else ()))
        found = await self._call("XREADGROUP", *options, "STREAMS", *self._lanes.values(), ">", ">")
        lane_of = {key: lane for lane, key in self._lanes.items()}
        return [
            _delivery(lane_of[key], entry_id, fields)
            for key, entries in (found or {}).items()
            for entry_id, fields in entries
        ]

    async def ack(self, deliveries: Collection[Delivery]) -> None:
        """Acknowledge, one command per lane."""
        for key, ids in self._by_lane(deliveries):
            for start in range(0, len(ids), ACK_MAX):
                await self._call("XACK", key, self.group, *ids[start : start + ACK_MAX])

    async def park(self, delivery: Delivery, delay_s: float, attempt: int) -> bool:
        """Put aside beside the stream."""
        fields = {"d": delivery.body, "n": str(attempt), "e": str(delivery.epoch), "p": delivery.previous}
        value = json.dumps(fields)
        token = f"{delivery.lane}:{delivery.entry_id}"
        keys = [self._lanes[delivery.lane], self._due, self._bodies]
        delay_ms = int(delay_s * 1000)
        return bool(await self._run("park", keys, self.group, delivery.entry_id, self.consumer, token, delay_ms, value))

    async def bury(self, delivery: Delivery, letter: DeadLetter) -> bool:
        """Move to the dead letters with the reason beside the body."""
        fields = {
            "d": delivery.body,
            "_why": letter.why,
            "_place": letter.place,
            "_id": delivery.entry_id,
            "_attempts": str(delivery.attempt),
            "_epoch": str(delivery.epoch),
            "_consumer": self.consumer,
            "_at_ms": str(time.time_ns() // 1_000_000),
        }
        flat = [part for item in fields.items() for part in item]
        keys = [self._lanes[delivery.lane], self._dead]
        return bool(await self._run("bury", keys, self.group, delivery.entry_id, self.consumer, *flat))

    async def promote(self) -> float | None:
        """Move due retries to the retry lane."""
        next_ms = await self._run("promote", [self._due, self._bodies, self._lanes["r"]], PROMOTE_MAX)
        return None if next_ms is None else int(next_ms) / 1000

    async def sweep(self, room: int) -> Sequence[Delivery]:
        """Take over from the dead, one script per lane."""
        self._lease.loop_is_alive()
        taken: list[Delivery] = []
        for lane, key in self._lanes.items():
            found = await self._run("sweep", [key, self._leases], self.group, self.consumer, room - len(taken))
            taken += [
                replace(_delivery(lane, entry_id, _paired(flat)), times=int(times), taken_from=owner)
                for entry_id, flat, times, owner in found or ()
            ]
        return taken

    async def mark_alone(self, delivery: Delivery) -> int:
        """Count in a hash beside the stream."""
        return int(await self._call("HINCRBY", self._alone, f"{delivery.lane}:{delivery.entry_id}", 1))

    async def unmark(self, delivery: Delivery) -> None:
        """Forget the count."""
        await self._call("HDEL", self._alone, f"{delivery.lane}:{delivery.entry_id}")

    async def audit(self, known: Collection[Delivery], room: int) -> Sequence[Delivery]:
        """Claim what is ours on the server's books only."""
        mine = {(delivery.lane, delivery.entry_id) for delivery in known}
        found: list[Delivery] = []
        for lane, key in self._lanes.items():
            listing = self._redis.xpending_range(
                key, self.group, "-", "+", AUDIT_MAX, self.consumer, idle=AUDIT_IDLE_MS
            )
            pending = await self._regrouped(listing) or ()
            ids = [p["message_id"] for p in pending if (lane, p["message_id"]) not in mine][: max(0, room - len(found))]
            if ids:
                got = await self._call("XCLAIM", key, self.group, self.consumer, AUDIT_IDLE_MS, *ids) or ()
                found += [_delivery(lane, entry_id, fields) for entry_id, fields in got if fields]
        return found

    async def release(self, deliveries: Collection[Delivery]) -> None:
        """Hand back to `~free`."""
        for key, ids in self._by_lane(deliveries):
            await self._run("release", [key], self.group, self.consumer, *ids)

    async def trim(self, retention_s: float) -> int:
        """Trim both lanes, one script each; a retry that was answered is kept for nobody."""
        kept = await self._run("trim", [self._lanes["s"]], int(retention_s * 1000))
        return int(kept or 0) + int(await self._run("trim", [self._lanes["r"]], 0) or 0)

    async def depth(self) -> Depth:
        """Count what waits; the lag of servers before 7.0 is not known and counted as 0."""
        lag = pending = 0
        oldest_ms = now_ms = time.time_ns() // 1_000_000
        for key in self._lanes.values():
            for info in await self._call("XINFO GROUPS", key) or ():
                if info["name"] == self.group:
                    lag += int(info.get("lag") or 0)
                    pending += int(info["pending"])
            for first in await self._regrouped(self._redis.xpending_range(key, self.group, "-", "+", 1)) or ():
                oldest_ms = min(oldest_ms, _at_ms_of(first["message_id"]))
        parked, dead = await self._call("ZCARD", self._due), await self._call("XLEN", self._dead)
        due = await self._call("ZRANGE", self._due, 0, 0, "WITHSCORES") or ()
        due_ms = min((int(score) for _, score in due), default=now_ms)
        MAY_EVICT.set(await self._may_evict())
        ages = ((now_ms - oldest_ms) / 1000, max(0, now_ms - due_ms) / 1000)
        return Depth(lag, pending, int(parked or 0), int(dead or 0), *ages)

    async def close(self) -> None:
        """Stop beating and leave."""
        self._lease.stop()
        with contextlib.suppress(StreamDownError):
            await self._run("leave", [*self._lanes.values(), self._leases, self._lead], self.group, self.consumer)

    async def _may_evict(self) -> bool:
        memory: Awaitable[dict[str, Any]] = self._redis.info("memory")
        return bool((await _translated(memory)).get("maxmemory_policy", "noeviction") != "noeviction")

    async def _ensure(self) -> None:
        for key in self._lanes.values():
            try:
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
            return await _translated(reply)
        except exceptions.ResponseError as error:
            if not any(word in str(error) for word in ("NOGROUP", "UNBLOCKED", "no such key")):
                raise
            await _translated(self._ensure())
            return None

    def _by_lane(self, deliveries: Collection[Delivery]) -> Iterator[tuple[str, list[str]]]:
        for lane, key in self._lanes.items():
            ids = [delivery.entry_id for delivery in deliveries if delivery.lane == lane]
            if ids:
                yield key, ids


def _delivery(lane: str, entry_id: str, fields: dict[str, str]) -> Delivery:
    if lane == "s":
        return Delivery(lane, entry_id, fields["d"])
    attempt, epoch = int(fields.get("n", 1)), int(fields.get("e", 0))
    return Delivery(lane, entry_id, fields["d"], attempt, epoch, previous=fields.get("p", ""))


def _at_ms_of(entry_id: str) -> int:
    return int(entry_id.partition("-")[0])


def _paired(flat: Any) -> dict[str, str]:
    return dict(flat) if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))


def _script(redis: Redis, name: str) -> AsyncScript:
    return redis.register_script((_SCRIPTS / f"{name}.lua").read_text())


async def _translated(reply: Awaitable[T]) -> T:
    try:
        return await reply
    except _DOWN as error:
        raise StreamDownError from error
