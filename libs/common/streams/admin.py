"""Operator access to streams: backlog, dead letters, replays, relay cursors.

Every change of state is one command or one script on keys of one hash tag, as in the rest of the kernel.
"""

import re
from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from libs.common.errors import BrokerUnavailableError
from libs.common.redis.calls import script_of, translated
from libs.common.streams.entries import ENTRY_SIZE_MAX, number_of
from libs.common.streams.scripts import SCRIPTS

SOCKET_TIMEOUT_S = 10.0
"""Longer than the services': an operator's command reads whole streams, and nobody else waits for it."""
SCAN_COUNT = 1_000
"""Keys looked at in one call, which the server answers without a pause that others feel."""
DEAD_LETTERS_MAX = 100_000
"""Read into memory for one command; more are looked at by group or by reason."""
# A killed replay is gone on with within a month, or begun anew: what was applied is in the inbox.
PROGRESS_KEPT_MS = 30 * 86_400_000
# Fourteen digits reach the year 5138, and a longer id is no time that anybody has written.
TIMESTAMP_MS_MAX = 99_999_999_999_999
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_WORD = re.compile(r"[A-Za-z0-9_.:<>-]{1,120}")
_CODE = re.compile(r"[A-Z]{3,20}")
_LOGIN = ("NOAUTH", "WRONGPASS", "NOPERM")
_KEY = re.compile(
    r"\{(?P<stream>[A-Za-z0-9_.-]+)\}:(?P<kind>s|cur|r|z|zp|dlq|hb|pause)(?::(?P<group>[A-Za-z0-9_.-]+))?"
)
BY_OPERATOR = "operator"
"""Why a group is paused, or an entry dead, that no limit and no error made so."""


class StreamRefusedError(Exception):
    """The stream answers, but not to this: a wrong login, or a key that holds something else. `code` is its word."""

    def __init__(self, code: str, *, is_login: bool = False) -> None:
        super().__init__(code)
        self.code, self.is_login = code, is_login


@dataclass(frozen=True)
class ReplayMove:
    """One step of the replay of this name: from where it was to where it is then."""

    name: str
    old: str
    new: str


@dataclass(frozen=True, order=True)
class GroupStream:
    """One stream of one consumer group."""

    stream: str
    group: str

    @property
    def topic(self) -> str:
        """The topic, which is what its stream is called."""
        return self.stream

    def key(self, kind: str) -> str:
        """Return the name of one of this group's keys (`r`, `z`, `zp`, `dlq`, `hb`)."""
        return f"{{{self.stream}}}:{kind}:{self.group}"

    @property
    def main(self) -> str:
        """The stream that all groups read."""
        return f"{{{self.stream}}}:s"


@dataclass(frozen=True)
class Backlog:
    """The backlog of a consumer group. `lag` is None where the server cannot tell; ages in milliseconds."""

    lag: int | None
    pending: int
    oldest_pending_ms: int | None
    parked: int
    oldest_due_ms: int | None
    dead: int
    consumers: int
    paused: str = ""


@dataclass(frozen=True)
class DeadLetter:
    """A dead letter: which entry, the event's wire form, and why it was dead-lettered."""

    lane: GroupStream
    entry_id: str
    body: str
    why: str
    place: str
    attempts: int
    epoch: int
    at_ms: int
    size_bytes: int


@dataclass(frozen=True)
class StreamInventory:
    """What is in the server: all streams, and the groups that have anything on each."""

    streams: frozenset[str]
    lanes: tuple[GroupStream, ...]


class StreamAdmin:
    """One server. Calls raise BrokerUnavailableError when it is away, StreamRefusedError when it does not let us."""

    def __init__(self, url: str) -> None:
        """Open no connection yet; raise ValueError for what is no address."""
        self.redis = Redis.from_url(
            url,
            protocol=3,
            legacy_responses=False,
            decode_responses=True,
            # Whatever somebody put into a stream can be shown, and removed, byte for byte.
            encoding_errors="surrogateescape",
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            # What was sent twice could be done twice: to repeat it is the operator's decision.
            retry=Retry(NoBackoff(), 0),
        )
        scripts = ("redrive", "replay", "rewind", "pause", "remove_entry", "size")
        self._scripts = {name: script_of(self.redis, SCRIPTS / f"{name}.lua") for name in scripts}

    async def keys(self) -> StreamInventory:
        """Look through the server for streams and groups."""
        streams, lanes = set[str](), set[GroupStream]()
        cursor = 0
        while True:
            cursor, names = await answered(self.redis.scan(cursor, match="{*}:*", count=SCAN_COUNT))
            for name in names:
                if (found := _KEY.fullmatch(name)) is not None:
                    streams.add(found["stream"])
                    # Also from the keys: a group whose stream was flushed may still have parked and dead entries.
                    if found["group"]:
                        lanes.add(GroupStream(found["stream"], found["group"]))
            # SCAN has been everywhere when the cursor is 0 again; a page may be empty before that.
            if int(cursor) == 0:
                break
        for stream in streams:
            lanes |= await self.lanes_of(stream)
        return StreamInventory(frozenset(streams), tuple(sorted(lanes)))

    async def lanes_of(self, stream: str) -> set[GroupStream]:
        """Return a lane for each group the server knows on a stream."""
        return {GroupStream(stream, group) for group in await self.groups(f"{{{stream}}}:s") if _NAME.fullmatch(group)}

    async def may_evict(self) -> bool:
        """Tell whether the server's memory policy lets it drop entries."""
        memory = await answered(self.redis.info("memory"))
        return bool(memory.get("maxmemory_policy", "noeviction") != "noeviction")

    async def now_ms(self) -> int:
        """Return the server's clock."""
        # Entry ids and leases are dated by that clock; ours may differ.
        seconds, micros = await answered(self.redis.time())
        return int(seconds) * 1000 + int(micros) // 1000

    async def depths(self, lane: GroupStream) -> Backlog:
        """Count what is before a group."""
        now, lag, pending, oldest = await self.now_ms(), 0, 0, list[int]()
        known = True
        for key in (lane.main, lane.key("r")):
            info = (await self.groups(key)).get(lane.group)
            # The server cannot tell where entries were deleted from the middle of a stream.
            known = known and (info is None or info.get("lag") is not None)
            lag += int((info or {}).get("lag") or 0)
            first = await answered(self.redis.xpending_range(key, lane.group, "-", "+", 1)) if info else ()
            pending += int(info["pending"]) if info else 0
            oldest += [max(0, now - ms_of(entry["message_id"])) for entry in first]
        due = await answered(self.redis.zrange(lane.key("z"), 0, 0, withscores=True))
        return Backlog(
            lag=lag if known else None,
            pending=pending,
            oldest_pending_ms=max(oldest, default=None),
            parked=int(await answered(self.redis.zcard(lane.key("z")))),
            oldest_due_ms=int(due[0][1]) - now if due else None,
            dead=int(await answered(self.redis.xlen(lane.key("dlq")))),
            consumers=int(await answered(self.redis.zcount(lane.key("hb"), now, "+inf"))),
            paused=await self.paused(lane),
        )

    async def paused(self, lane: GroupStream) -> str:
        """Return why a group is paused on a topic; empty when it is not."""
        return str(await answered(self.redis.hget(lane.key("pause"), "why")) or "")

    async def pause(self, lane: GroupStream, why: str = BY_OPERATOR) -> bool:
        """Have the group's consumers stop reading, within a second; tell whether that changed anything."""
        keys = [lane.key("dlq"), lane.key("pause")]
        return bool(await answered(self._scripts["pause"](keys=keys, args=[why])))

    async def resume(self, lane: GroupStream) -> bool:
        """Resume the group and reset its count of dead letters; return whether it was paused."""
        return await self.pause(lane, "")

    async def remove_entry(self, lane: GroupStream, entry_id: str, dead_letter: Mapping[str, str] | None) -> bool:
        """Remove a pending or parked entry from a group; dead-letter it if fields are given."""
        keys = [lane.main, *(lane.key(kind) for kind in ("r", "z", "zp", "dlq"))]
        fields = [part for item in (dead_letter or {}).items() for part in item]
        arguments: list[str | int] = [lane.group, entry_id, ENTRY_SIZE_MAX, *fields]
        return bool(await answered(self._scripts["remove_entry"](keys=keys, args=arguments)))

    async def dead_letters(self, lane: GroupStream, most: int = DEAD_LETTERS_MAX) -> list[DeadLetter]:
        """Return a group's dead letters, oldest first."""
        entries = await answered(self.redis.xrange(lane.key("dlq"), count=most))
        return [_dead_letter(lane, entry_id, fields) for entry_id, fields in entries]

    async def redrive(self, lane: GroupStream, entry_ids: Sequence[str]) -> int:
        """Give dead letters to their group again, as first attempts; return how many were still there."""
        keys = [lane.key("dlq"), lane.key("r")]
        return int(await answered(self._scripts["redrive"](keys=keys, args=list(entry_ids))))

    async def drop(self, lane: GroupStream, entry_ids: Sequence[str]) -> int:
        """Delete dead letters; return how many were still there."""
        return int(await answered(self.redis.xdel(lane.key("dlq"), *entry_ids)))

    async def body(self, key: str, entry_id: str) -> tuple[int, str]:
        """Return an entry's size in bytes, and its body unless it is too large for one; (0, "") where it is gone."""
        size, body = await answered(self._scripts["size"](keys=[key], args=[entry_id, ENTRY_SIZE_MAX])) or (0, "")
        return int(size), str(body)

    async def progress(self, lane: GroupStream, name: str) -> str:
        """Return how far the replay of this name is, empty when it has not begun."""
        return str(await answered(self.redis.get(_progress_key(lane, name))) or "")

    async def replay(self, lane: GroupStream, move: ReplayMove, epoch: int, bodies: Collection[str]) -> bool:
        """Give a group these events and move the replay on, unless another operator did."""
        keys = [lane.key("r"), _progress_key(lane, move.name)]
        arguments: list[str | int] = [move.old, move.new, PROGRESS_KEPT_MS, epoch, *bodies]
        return bool(await answered(self._scripts["replay"](keys=keys, args=arguments)))

    async def replayed_ahead(self, lane: GroupStream) -> int:
        """Count what the group's own lane holds that the group has not read; all of it where the server cannot tell."""
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
        """Return the server's information about each group of a stream."""
        try:
            return {info["name"]: info for info in await answered(self.redis.xinfo_groups(key))}
        except StreamRefusedError as error:
            if "no such key" not in str(error.__cause__):
                raise
            return {}


async def answered(reply: Awaitable[Any]) -> Any:  # the shapes of replies are read where they are used
    """Wait for a reply; raise BrokerUnavailableError when it cannot come, StreamRefusedError on a refusal."""
    try:
        return await translated(reply)
    except BrokerUnavailableError as error:
        if isinstance(error.__cause__, exceptions.AuthenticationError):
            raise StreamRefusedError("WRONGPASS", is_login=True) from error
        raise
    except exceptions.ResponseError as error:
        code = str(error).partition(" ")[0]
        # The server's word, never its sentence: that may repeat what it was sent.
        code = code if _CODE.fullmatch(code) else "ERR"
        raise StreamRefusedError(code, is_login=code in _LOGIN) from error
    except exceptions.InvalidResponse as error:
        raise StreamRefusedError("PROTOCOL") from error


def ms_of(entry_id: str) -> int:
    """Return when an entry was added, by the server's clock; ids may have been chosen by the writer."""
    return min(TIMESTAMP_MS_MAX, int(entry_id.partition("-")[0]))


def _progress_key(lane: GroupStream, name: str) -> str:
    return f"{lane.key('rp')}:{name}"


def _plain(text: str) -> str:
    """Return a known token unchanged; anything else could control the terminal, so it becomes `unknown`."""
    return text if _WORD.fullmatch(text) else "unknown"


def _dead_letter(lane: GroupStream, entry_id: str, fields: dict[str, str]) -> DeadLetter:
    return DeadLetter(
        lane=lane,
        entry_id=entry_id,
        body=fields.get("d", ""),
        why=_plain(fields.get("_why", "unknown")),
        place=_plain(fields.get("_place", "-")),
        attempts=number_of(fields.get("_attempts", ""), 1),
        epoch=number_of(fields.get("_epoch", ""), 0),
        at_ms=number_of(fields.get("_at_ms", ""), ms_of(entry_id)),
        size_bytes=number_of(fields.get("_size", ""), len(fields.get("d", ""))),
    )
