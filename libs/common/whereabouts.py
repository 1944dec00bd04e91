"""Where in the streams one group's copy of an event is, for whoever asks why nothing happens."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from libs.common.stream_desk import Lane, StreamDesk, answered, ms_of

LOOKED_AT_MAX = 10_000
"""Entries of each kind that are looked at; beyond that the oldest ones tell enough."""


@dataclass(frozen=True)
class Whereabouts:
    """`state` is waiting (published, not read), pending (read, not acknowledged), parked (for a later try) or dead.

    `attempt` counts from 1; `since_ms` is when it came there, `due_ms` when a parked one is tried again.
    """

    lane: Lane
    state: str
    attempt: int
    since_ms: int | None = None
    due_ms: int | None = None
    why: str | None = None
    entry_id: str | None = None


async def whereabouts(desk: StreamDesk, lane: Lane) -> dict[UUID, Whereabouts]:
    """Return all that is anywhere on its way to a group, by event id."""
    found: dict[UUID, Whereabouts] = {}
    for key in (lane.main, lane.key("r")):
        found |= await _on_stream(desk, lane, key)
    found |= await _parked(desk, lane)
    for letter in await desk.letters(lane, LOOKED_AT_MAX):
        event_id = event_id_of(letter.body)
        if event_id is not None:
            found[event_id] = Whereabouts(
                lane, "dead", letter.attempts, letter.at_ms, why=letter.why, entry_id=letter.entry_id
            )
    return found


async def _on_stream(desk: StreamDesk, lane: Lane, key: str) -> dict[UUID, Whereabouts]:
    info = (await desk.groups(key)).get(lane.group)
    last = str(info["last-delivered-id"]) if info else "0-0"
    found: dict[UUID, Whereabouts] = {}
    for entry_id, fields in await answered(desk.redis.xrange(key, f"({last}", "+", count=LOOKED_AT_MAX)):
        _put(found, fields, Whereabouts(lane, "waiting", _attempt(fields), ms_of(entry_id), entry_id=entry_id))
    if not info or not int(info["pending"]):
        return found
    pending = await answered(desk.redis.xpending_range(key, lane.group, "-", "+", LOOKED_AT_MAX))
    now = await desk.now_ms()
    pipe = desk.redis.pipeline(transaction=False)
    for entry in pending:
        pipe.xrange(key, entry["message_id"], entry["message_id"])
    for entry, bodies in zip(pending, await answered(pipe.execute()), strict=True):
        for entry_id, fields in bodies:
            since = now - int(entry["time_since_delivered"])
            _put(found, fields, Whereabouts(lane, "pending", _attempt(fields), since, entry_id=entry_id))
    return found


async def _parked(desk: StreamDesk, lane: Lane) -> dict[UUID, Whereabouts]:
    due = await answered(desk.redis.zrange(lane.key("z"), 0, LOOKED_AT_MAX - 1, withscores=True))
    if not due:
        return {}
    found: dict[UUID, Whereabouts] = {}
    bodies = await answered(desk.redis.hmget(lane.key("zp"), [token for token, _ in due]))
    for (_, score), value in zip(due, bodies, strict=True):
        fields = json.loads(value) if value else {}
        _put(found, fields, Whereabouts(lane, "parked", _attempt(fields), due_ms=int(score)))
    return found


def event_id_of(body: str) -> UUID | None:
    """Return the id in an event's wire form; None when it is not readable."""
    try:
        return UUID(json.loads(body)["id"])
    except (ValueError, KeyError, TypeError):
        return None


def _put(found: dict[UUID, Whereabouts], fields: Mapping[str, Any], where: Whereabouts) -> None:
    event_id = event_id_of(str(fields.get("d", "")))
    if event_id is not None:
        found[event_id] = where


def _attempt(fields: Mapping[str, Any]) -> int:
    return int(fields.get("n", 1))
