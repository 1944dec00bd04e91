"""`therapyrag entries`: what a group has in hand on a topic, and taking a single stuck entry away from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.table import Table

from libs.common.clock import to_json_time
from libs.common.errors import NOT_FOUND, AppError
from libs.common.streams.admin import BY_OPERATOR
from libs.common.streams.locate import InFlightEntry, given
from libs.ops.console import Shown
from libs.ops.events.facts import at_ms, plain
from libs.ops.events.pausing import OfOption
from libs.ops.events.selection import TopicOption
from libs.ops.operator_tools import Approval, AsOption, ExecuteFlag, OperatorTools

LOOKED_AT_MAX = 1_000
LOOKED_AT = 100
"""By default: a group in order has fewer in hand."""

MostOption = Annotated[int, typer.Option("--most", min=1, max=LOOKED_AT_MAX, help="How many of each topic.")]
EntryArgument = Annotated[str, typer.Argument(help="The entry's id (or its event's), as `entries list` prints it.")]


@dataclass(frozen=True)
class EntryAction:
    """What is done with an entry; with `why` it is kept as a dead letter."""

    name: str
    why: str = ""


async def list_entries(
    tools: OperatorTools, group: OfOption, topic: TopicOption = None, most: MostOption = LOOKED_AT
) -> Shown:
    """List what a group was given and has not finished, and what it has parked, whether it can be read or not."""
    rows = [_row(one) for one in await _given(tools, group, topic, most)]
    return Shown(rows, _table(rows) if rows else f"{group} has nothing in hand.")


async def remove(
    tools: OperatorTools,
    entry: EntryArgument,
    group: OfOption,
    topic: TopicOption = None,
    execute: ExecuteFlag = False,
    who: AsOption = None,
) -> Shown:
    """Take one entry away from a group for good. The fact, if it was one, stays in the archive."""
    return await _done(tools, EntryAction("remove"), await _one(tools, entry, group, topic), Approval(execute, who))


async def dead_letter(
    tools: OperatorTools,
    entry: EntryArgument,
    group: OfOption,
    topic: TopicOption = None,
    execute: ExecuteFlag = False,
    who: AsOption = None,
) -> Shown:
    """Take one entry away from a group and keep it as a dead letter, to be given out again or dropped later."""
    deed, one = EntryAction("dead-letter", BY_OPERATOR), await _one(tools, entry, group, topic)
    return await _done(tools, deed, one, Approval(execute, who))


async def _done(tools: OperatorTools, deed: EntryAction, one: InFlightEntry, approval: Approval) -> Shown:
    row = _row(one)
    if not approval.execute:
        sentence = f"Would {deed.name} this entry. Nothing was changed; --execute does it."
        return Shown({"plan": deed.name, "entry": row, "executed": False}, _table([row], sentence))
    now_ms = await tools.streams.now_ms()
    # The fields that a consumer writes, so that one command reads dead letters of both.
    fields = {"_why": deed.why, "_place": "-", "_attempts": str(one.times), "_at_ms": str(now_ms)}
    arguments = {"group": row["group"], "stream": row["stream"], "entry": row["entry"], "event_id": row["event_id"]}
    async with tools.recorded(approval.who, f"entries.{deed.name}", arguments) as counts:
        # None when the group was done with it since it was looked at, which is said and is no success.
        counts["taken"] = int(await tools.streams.remove_entry(one.lane, one.entry_id, fields if deed.why else None))
    sentence = "Done." if counts["taken"] else "It was not there any more."
    return Shown(dict(counts), sentence, 0 if counts["taken"] else 1)


async def _one(tools: OperatorTools, entry: str, group: str, topic: str | None) -> InFlightEntry:
    found = await _given(tools, group, topic, LOOKED_AT_MAX)
    meant = [one for one in found if entry in (one.entry_id, str(one.event_id))]
    if not meant:
        raise AppError(NOT_FOUND, "The group has no such entry in hand.")
    # Entry ids are unique within one stream only, and a group reads several.
    if len(meant) > 1:
        raise typer.BadParameter("more than one entry is called so: say its --topic, or its entry's id")
    return meant[0]


async def _given(tools: OperatorTools, group: str, topic: str | None, most: int) -> list[InFlightEntry]:
    lanes = [lane for lane in (await tools.streams.keys()).lanes if lane.group == group and topic in (None, lane.topic)]
    return [one for lane in lanes for one in await given(tools.streams, lane, most)]


def _row(one: InFlightEntry) -> dict[str, Any]:
    return {
        "stream": one.lane.stream,
        "group": one.lane.group,
        "entry": plain(one.entry_id),
        "state": one.state,
        "at": to_json_time(at_ms(one.since_ms)),
        "times": one.times,
        "size_bytes": one.size_bytes,
        "event_id": str(one.event_id) if one.event_id else None,
    }


def _table(rows: Sequence[dict[str, Any]], caption: str | None = None) -> Table:
    table = Table(
        "stream", "entry", "event", "state", "at", "times", "bytes", box=None, caption=caption, caption_justify="left"
    )
    for row in rows:
        counts = (row["state"], row["at"], str(row["times"]), str(row["size_bytes"]))
        table.add_row(row["stream"], row["entry"], row["event_id"] or "unreadable", *counts)
    return table
