"""The streams as operators handle them: what waits where, dead letters, replays, and the relays' cursor.

Every change of state is one command or one script on keys of one hash tag, as in the rest of the kernel.
"""

import re
from collections.abc import Awaitable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from libs.common.redis_calls import script_of, translated

SOCKET_TIMEOUT_S = 10.0
SCAN_COUNT = 1_000
LETTERS_MAX = 100_000
PROGRESS_KEPT_MS = 30 * 86_400_000
_KEY = re.compile(r"\{(?P<stream>[^}]+)\}:(?P<kind>s|cur|r|z|zp|dlq|hb)(?::(?P<group>[^:]+))?")


def topic_of(stream: str) -> str:
    """Return the topic a stream belongs to: an ordered topic has several, `topic.0`, `topic.1` and so on."""
    return re.sub(r"\.\d+$", "", stream)


@dataclass(frozen=True, order=True)
class Lane:
    """One stream as one group reads it."""

    stream: str
    group: str

    @property
    def topic(self) -> str:
        """The topic the stream belongs to."""
        return topic_of(self.stream)

    def key(self, kind: str) -> str:
        """Return the name of one of this group's keys (`r`, `z`, `zp`, `dlq`, `hb`)."""
        return f"{{{self.stream}}}:{kind}:{self.group}"

    @property
    def main(self) -> str:
        """The stream that all groups read."""
        return f"{{{self.stream}}}:s"


@dataclass(frozen=True)
class Depths:
    """How much is before a group. `lag` is None where the server cannot tell; ages in milliseconds."""

    lag: int | None
    pending: int
    oldest_pending_ms: int | None
    parked: int
    oldest_due_ms: int | None
    dead: int
    consumers: int


@dataclass(frozen=True)
class Letter:
    """A dead letter: which entry, the event's wire form, and why it was given up."""

    lane: Lane
    entry_id: str
    body: str
    why: str
    place: str
    attempts: int
    epoch: int
    at_ms: int


@dataclass(frozen=True)
class Keys:
    """What is in the server: all streams, and the groups that have anything on each."""

    streams: frozenset[str]
    lanes: tuple[Lane, ...]


class StreamDesk:
    """One server. Calls raise StreamDownError when it is away."""

    def __init__(self, url: str) -> None:
        self.redis = Redis.from_url(
            url,
            protocol=3,
            legacy_responses=False,
            decode_responses=True,
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        scripts = ("redrive", "replay", "rewind")
        self._scripts = {name: script_of(self.redis, name) for name in scripts}

    async def keys(self) -> Keys:
        """Look through the server for streams and groups."""
        streams, lanes = set[str](), set[Lane]()
        cursor = 0
        while True:
            cursor, names = await answered(self.redis.scan(cursor, match="{*}:*", count=SCAN_COUNT))
            for name in names:
                if (found := _KEY.fullmatch(name)) is not None:
                    streams.add(found["stream"])
                    if found["group"]:
                        lanes.add(Lane(found["stream"], found["group"]))
            if int(cursor) == 0:
                break
        for stream in streams:
            lanes |= {Lane(stream, group) for group in await self.groups(f"{{{stream}}}:s")}
        return Keys(frozenset(streams), tuple(sorted(lanes)))

    async def now_ms(self) -> int:
        """Return the server's clock."""
        seconds, micros = await answered(self.redis.time())
        return int(seconds) * 1000 + int(micros) // 1000

    async def depths(self, lane: Lane) -> Depths:
        """Count what is before a group."""
        now, lag, pending, oldest = await self.now_ms(), 0, 0, list[int]()
        known = True
        for key in (lane.main, lane.key("r")):
            info = (await self.groups(key)).get(lane.group)
            known = known and (info is None or info.get("lag") is not None)
            lag += int((info or {}).get("lag") or 0)
            first = await answered(self.redis.xpending_range(key, lane.group, "-", "+", 1)) if info else ()
            pending += int(info["pending"]) if info else 0
            oldest += [now - ms_of(entry["message_id"]) for entry in first]
        due = await answered(self.redis.zrange(lane.key("z"), 0, 0, withscores=True))
        return Depths(
            lag=lag if known else None,
            pending=pending,
            oldest_pending_ms=max(oldest, default=None),
            parked=int(await answered(self.redis.zcard(lane.key("z")))),
            oldest_due_ms=int(due[0][1]) - now if due else None,
            dead=int(await answered(self.redis.xlen(lane.key("dlq")))),
            consumers=int(await answered(self.redis.zcount(lane.key("hb"), now, "+inf"))),
        )

    async def letters(self, lane: Lane, most: int = LETTERS_MAX) -> list[Letter]:
        """Return a group's dead letters, oldest first."""
        entries = await answered(self.redis.xrange(lane.key("dlq"), count=most))
        return [_letter(lane, entry_id, fields) for entry_id, fields in entries]

    async def redrive(self, lane: Lane, entry_ids: Sequence[str]) -> int:
        """Give dead letters to their group again, as first attempts; return how many were still there."""
        keys = [lane.key("dlq"), lane.key("r")]
        return int(await answered(self._scripts["redrive"](keys=keys, args=list(entry_ids))))

    async def drop(self, lane: Lane, entry_ids: Sequence[str]) -> int:
        """Delete dead letters; return how many were still there."""
        return int(await answered(self.redis.xdel(lane.key("dlq"), *entry_ids)))

    async def progress(self, lane: Lane, name: str) -> str:
        """Return how far the replay of this name is, empty when it has not begun."""
        return str(await answered(self.redis.get(_progress_key(lane, name))) or "")

    async def replay(self, lane: Lane, name: str, move: tuple[str, str], epoch: int, bodies: Collection[str]) -> bool:
        """Give a group these events and move the replay on, unless somebody else did; `move` is from and to."""
        keys, (old, new) = [lane.key("r"), _progress_key(lane, name)], move
        arguments: list[str | int] = [old, new, PROGRESS_KEPT_MS, epoch, *bodies]
        return bool(await answered(self._scripts["replay"](keys=keys, args=arguments)))

    async def replayed_ahead(self, lane: Lane) -> int:
        """Count what the group's own lane holds that the group has not read; all of it where that cannot be told."""
        info = (await self.groups(lane.key("r"))).get(lane.group)
        known = info.get("lag") if info else None
        return int(await answered(self.redis.xlen(lane.key("r")))) if known is None else int(known)

    async def cursor(self, stream: str) -> str:
        """Return the relays' cursor of a stream, empty when there is none."""
        return str(await answered(self.redis.get(f"{{{stream}}}:cur")) or "")

    async def rewind(self, stream: str, expected: str, new: str) -> bool:
        """Set the relays' cursor unless it moved since it was looked at."""
        in_force = await answered(self._scripts["rewind"](keys=[f"{{{stream}}}:cur"], args=[expected, new]))
        return bool(in_force == new)

    async def close(self) -> None:
        """Close all connections."""
        await self.redis.aclose()

    async def groups(self, key: str) -> dict[str, dict[str, Any]]:
        """Return what the server says of each group of a stream's key."""
        try:
            return {info["name"]: info for info in await answered(self.redis.xinfo_groups(key))}
        except exceptions.ResponseError as error:
            if "no such key" not in str(error):
                raise
            return {}


async def answered(reply: Awaitable[Any]) -> Any:  # the shapes of replies are read where they are used
    """Wait for a reply; raise StreamDownError when the server is away."""
    return await translated(reply)


def ms_of(entry_id: str) -> int:
    """Return when an entry was added, by the server's clock."""
    return int(entry_id.partition("-")[0])


def _progress_key(lane: Lane, name: str) -> str:
    return f"{lane.key('rp')}:{name}"


def _letter(lane: Lane, entry_id: str, fields: dict[str, str]) -> Letter:
    return Letter(
        lane=lane,
        entry_id=entry_id,
        body=fields.get("d", ""),
        why=fields.get("_why", "unknown"),
        place=fields.get("_place", "-"),
        attempts=int(fields.get("_attempts", 1)),
        epoch=int(fields.get("_epoch", 0)),
        at_ms=int(fields.get("_at_ms", ms_of(entry_id))),
    )
