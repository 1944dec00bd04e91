"""Finds where in the streams a group's copy of an event is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from libs.common.streams.admin import GroupStream, StreamAdmin, answered, ms_of
from libs.common.streams.entries import number_of

LOOKED_AT_MAX = 10_000
"""Entries of each kind that are looked at; beyond that the oldest ones tell enough."""


@dataclass(frozen=True)
class Location:
    """`state` is waiting (published, not read), pending (read, not acknowledged), parked (for a later try) or dead.

    `attempt` counts from 1; `since_ms` is when it came there, `due_ms` when a parked one is tried again.
    """

    lane: GroupStream
    state: str
    attempt: int
    since_ms: int | None = None
    due_ms: int | None = None
    why: str | None = None
    entry_id: str | None = None


async def locate_event(admin: StreamAdmin, lane: GroupStream) -> dict[UUID, Location]:
    """Return all that is anywhere on its way to a group, by event id."""
    found: dict[UUID, Location] = {}
    for key in (lane.main, lane.key("r")):
        found |= await _on_stream(admin, lane, key)
    # In this order, and the later one wins: a parked or dead copy says more than the entry it came from.
    found |= await _parked(admin, lane)
    for dead_letter in await admin.dead_letters(lane, LOOKED_AT_MAX):
        event_id = event_id_of(dead_letter.body)
        if event_id is not None:
            found[event_id] = Location(
                lane,
                "dead",
                dead_letter.attempts,
                dead_letter.at_ms,
                why=dead_letter.why,
                entry_id=dead_letter.entry_id,
            )
    return found


async def _on_stream(admin: StreamAdmin, lane: GroupStream, key: str) -> dict[UUID, Location]:
    info = (await admin.groups(key)).get(lane.group)
    last = str(info["last-delivered-id"]) if info else "0-0"
    found: dict[UUID, Location] = {}
    # Behind the last one delivered: that is pending or done.
    for entry_id, fields in await answered(admin.redis.xrange(key, f"({last}", "+", count=LOOKED_AT_MAX)):
        _put(found, fields, Location(lane, "waiting", _attempt(fields), ms_of(entry_id), entry_id=entry_id))
    if not info or not int(info["pending"]):
        return found
    pending = await answered(admin.redis.xpending_range(key, lane.group, "-", "+", LOOKED_AT_MAX))
    now = await admin.now_ms()
    # Where an event is may change between two commands; a snapshot would hold the server up for all groups.
    pipe = admin.redis.pipeline(transaction=False)
    for entry in pending:
        pipe.xrange(key, entry["message_id"], entry["message_id"])
    for entry, bodies in zip(pending, await answered(pipe.execute()), strict=True):
        for entry_id, fields in bodies:
            since = now - int(entry["time_since_delivered"])
            _put(found, fields, Location(lane, "pending", _attempt(fields), since, entry_id=entry_id))
    return found


async def _parked(admin: StreamAdmin, lane: GroupStream) -> dict[UUID, Location]:
    due = await answered(admin.redis.zrange(lane.key("z"), 0, LOOKED_AT_MAX - 1, withscores=True))
    if not due:
        return {}
    found: dict[UUID, Location] = {}
    bodies = await answered(admin.redis.hmget(lane.key("zp"), [token for token, _ in due]))
    for (token, score), value in zip(due, bodies, strict=True):
        fields = parked_fields(value)
        _put(found, fields, Location(lane, "parked", _attempt(fields), due_ms=int(score), entry_id=token))
    return found


def event_id_of(body: str) -> UUID | None:
    """Return the id in an event's wire form; None when it is not readable."""
    try:
        return UUID(from_json(body)["id"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def parked_fields(value: str | None) -> Mapping[str, Any]:
    """Return the fields of a parked entry; none when they cannot be read."""
    try:
        fields = from_json(value or "{}")
    except (ValueError, TypeError):  # TypeError: what was not UTF-8
        return {}
    return fields if isinstance(fields, dict) else {}


def _put(found: dict[UUID, Location], fields: Mapping[str, Any], where: Location) -> None:
    event_id = event_id_of(str(fields.get("d", "")))
    if event_id is not None:
        found[event_id] = where


def _attempt(fields: Mapping[str, Any]) -> int:
    return number_of(str(fields.get("n", "")), 1)


@dataclass(frozen=True)
class InFlightEntry:
    """An entry a group was given and has not finished, or parked: by its id or token, readable or not."""

    lane: GroupStream
    entry_id: str
    state: str
    since_ms: int
    times: int
    size_bytes: int
    event_id: UUID | None


async def given(admin: StreamAdmin, lane: GroupStream, most: int) -> list[InFlightEntry]:
    """Return what a group has in hand, the oldest of each kind first."""
    found: list[InFlightEntry] = []
    now = await admin.now_ms()
    for key in (lane.main, lane.key("r")):
        if lane.group not in await admin.groups(key):
            continue
        for entry in await answered(admin.redis.xpending_range(key, lane.group, "-", "+", most)):
            entry_id, times = str(entry["message_id"]), int(entry["times_delivered"])
            size, body = await admin.body(key, entry_id)
            since = now - int(entry["time_since_delivered"])
            found.append(InFlightEntry(lane, entry_id, "pending", since, times, size, event_id_of(body)))
    due = await answered(admin.redis.zrange(lane.key("z"), 0, most - 1, withscores=True))
    for token, score in due:
        value = await answered(admin.redis.hget(lane.key("zp"), token)) or ""
        fields = parked_fields(value)
        event_id = event_id_of(str(fields.get("d", "")))
        found.append(InFlightEntry(lane, token, "parked", int(score), _attempt(fields), len(value), event_id))
    return found[:most]
