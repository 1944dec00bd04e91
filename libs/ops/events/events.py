"""`therapyrag events`: the facts services told each other, from the archive; and how far each group has come."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from libs.common.clock import to_json_time
from libs.common.errors import NOT_FOUND, AppError
from libs.common.messaging.archive import Fact, Position, Wanted
from libs.common.streams.admin import Backlog, GroupStream, StreamAdmin
from libs.common.streams.locate import Location, locate_event
from libs.ops.console import Shown
from libs.ops.events.answers import answering
from libs.ops.events.facts import ago, at_ms, shown
from libs.ops.events.selection import Chosen, SessionOption, SinceOption, TopicOption, TypeOption, since_of
from libs.ops.operator_tools import OperatorTools

LISTED_MAX = 10_000
LISTED = 20
"""By default: what fits on one screen."""
FOLLOW_EVERY_S = 0.5
FOLLOW_MAX_S = 86_400.0
FOLLOW_BATCH = 500

_TOLD = {"session_id", "status", "reason", "consent_type", "attempt", "chunk_count", "size_bytes"}

LastOption = Annotated[int, typer.Option("--last", "-n", min=1, max=LISTED_MAX, help="How many to begin with.")]
FollowFlag = Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written from now on.")]
ForOption = Annotated[float, typer.Option("--for", max=FOLLOW_MAX_S, help="Follow for this many seconds at most.")]


async def tail(
    tools: OperatorTools,
    session: SessionOption = None,
    type_: TypeOption = None,
    topic: TopicOption = None,
    since: SinceOption = None,
    last: LastOption = LISTED,
    follow: FollowFlag = False,
    seconds: ForOption = FOLLOW_MAX_S,
) -> AsyncIterator[Shown]:
    """Print the newest facts, oldest first, one a line."""
    chosen = Chosen(session=session, type=type_, topic=topic, since=since_of(since, None))
    # Before the newest are read: what commits in between is followed, and told once by its id.
    start = await tools.archive.now()
    printed: set[UUID] = set()
    for fact in await _newest(tools, chosen, last):
        printed.add(fact.envelope.id)
        yield _line(fact)
    if follow:
        async for fact in _following(tools, chosen, start, seconds):
            if fact.envelope.id not in printed:
                yield _line(fact)


async def show(tools: OperatorTools, event_id: Annotated[UUID, typer.Argument(help="The event's id.")]) -> Shown:
    """Show one fact: what it says, who has applied it, and where it is for who has not."""
    fact = await _by_id(tools, event_id)
    groups = [
        await _of_group(tools, fact, GroupStream(fact.envelope.topic, group)) for group in answering(fact.envelope.type)
    ]
    payload = shown(fact) | {"groups": groups}
    return Shown(payload, Group(_facts_table(payload), _groups_table(groups)))


async def lag(tools: OperatorTools, topic: TopicOption = None) -> Shown:
    """Show per topic and group what waits, what is being worked on, what is parked and what is dead."""
    keys = await tools.streams.keys()
    lanes = [lane for lane in keys.lanes if topic in (None, lane.topic)]
    rows = [_depths(lane, await tools.streams.depths(lane)) for lane in lanes]
    return Shown(rows, _lag_table(rows))


async def _newest(tools: OperatorTools, chosen: Chosen, last: int) -> list[Fact]:
    found: list[Fact] = []
    for stream, schema in (await tools.archive.topics()).items():
        if chosen.has(stream):
            # The newest of every stream: the newest of all are among them.
            found += await tools.archive.newest(schema, chosen.wanted(stream), last)
    return sorted(found, key=lambda fact: (fact.envelope.at, fact.position))[-last:]


async def _following(tools: OperatorTools, chosen: Chosen, start: Position, seconds: float) -> AsyncIterator[Fact]:
    """Yield facts as they are written; within a stream in the order of their transactions."""
    reached: dict[str, Position] = {}
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline:
        for stream, schema in (await tools.archive.topics()).items():
            if chosen.has(stream):
                position = reached.get(stream, start)
                for fact in await tools.archive.after(schema, chosen.wanted(stream), position, FOLLOW_BATCH):
                    reached[stream] = fact.position
                    yield fact
        await asyncio.sleep(FOLLOW_EVERY_S)


async def _by_id(tools: OperatorTools, event_id: UUID) -> Fact:
    # Every archive is asked, since an id does not tell who wrote the fact.
    for schema in tools.archive.schemas:
        for fact in await tools.archive.newest(schema, Wanted(id=event_id), 1):
            return fact
    raise AppError(NOT_FOUND, "The archive holds no such event.")


async def _of_group(tools: OperatorTools, fact: Fact, lane: GroupStream) -> dict[str, Any]:
    applied = await tools.archive.applied(lane.group, [fact.envelope.id])
    where = await location_of(tools.streams, lane, fact.envelope.id)
    return {
        "group": lane.group,
        "applied": [{"as": note.group, "epoch": note.epoch, "at": to_json_time(note.at)} for note in applied],
        "in_stream": shown_place(where) if where else None,
    }


async def location_of(streams: StreamAdmin, lane: GroupStream, event_id: UUID) -> Location | None:
    """Return where a group's copy of an event is, None when it is nowhere on its way."""
    # A stream has no index by event id: all that is on its way is looked through.
    return (await locate_event(streams, lane)).get(event_id)


def shown_place(where: Location) -> dict[str, Any]:
    """Return locations as they are printed."""
    return {
        "state": where.state,
        "attempt": where.attempt,
        "since": to_json_time(at_ms(where.since_ms)) if where.since_ms else None,
        "due": to_json_time(at_ms(where.due_ms)) if where.due_ms else None,
        "why": where.why,
        "entry": where.entry_id,
    }


def _line(fact: Fact) -> Shown:
    payload = shown(fact)
    # The ids are in `events show` and in the JSON; here a fact is one line.
    details = " ".join(f"{name}={value}" for name, value in payload["payload"].items() if name in _TOLD)
    line = f"{payload['at']}  {fact.schema:<11} {payload['type']:<24} {payload['id']}  "
    return Shown(payload, Text.assemble(line, (details, "dim")))


def _depths(lane: GroupStream, depths: Backlog) -> dict[str, Any]:
    return {
        "topic": lane.topic,
        "stream": lane.stream,
        "group": lane.group,
        "lag": depths.lag,
        "pending": depths.pending,
        "oldest_pending_s": None if depths.oldest_pending_ms is None else depths.oldest_pending_ms / 1000,
        "parked": depths.parked,
        "next_due_s": None if depths.oldest_due_ms is None else depths.oldest_due_ms / 1000,
        "dead": depths.dead,
        "consumers": depths.consumers,
        "paused": depths.paused or None,
    }


def _lag_table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table("stream", "group", "lag", "pending", "oldest", "parked", "dead", "consumers", "paused", box=None)
    for row in rows:
        oldest_s = row["oldest_pending_s"]
        oldest = ago(None if oldest_s is None else timedelta(seconds=oldest_s))
        dead = Text(str(row["dead"]), "bold red" if row["dead"] else "")
        known = "?" if row["lag"] is None else str(row["lag"])
        paused = Text(str(row["paused"] or ""), "bold red")
        counts = (known, str(row["pending"]), oldest, str(row["parked"]), dead, str(row["consumers"]), paused)
        table.add_row(row["stream"], row["group"], *counts)
    return table


def _facts_table(payload: dict[str, Any]) -> Table:
    table = Table(box=None, show_header=False)
    for name in ("id", "type", "version", "topic", "service", "position", "at", "capability_expires_at"):
        table.add_row(name, str(payload[name]))
    for part in ("payload", "headers"):
        for name, value in payload[part].items():
            table.add_row(f"{part}.{name}", str(value))
    return table


def _groups_table(groups: Sequence[dict[str, Any]]) -> Table:
    table = Table("group", "applied", "in the stream", box=None)
    for row in groups:
        applied = ", ".join(f"{note['at']} (epoch {note['epoch']}, {note['as']})" for note in row["applied"])
        where = row["in_stream"]
        table.add_row(row["group"], applied or "no", f"{where['state']}, attempt {where['attempt']}" if where else "-")
    return table
