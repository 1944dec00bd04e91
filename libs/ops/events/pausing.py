"""`therapyrag events pause` and `resume`: have a group stop reading a topic, and go on, within a second."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from libs.common.errors import NOT_FOUND, AppError
from libs.common.streams.admin import Lane
from libs.ops.console import Shown
from libs.ops.events.answers import ANSWERS
from libs.ops.events.desk import AsOption, Desk, ExecuteFlag
from libs.ops.events.selection import TopicOption

OfOption = Annotated[str, typer.Option("--group", help="The group, which is a service's name.")]


async def pause(
    desk: Desk, group: OfOption, topic: TopicOption = None, execute: ExecuteFlag = False, who: AsOption = None
) -> Shown:
    """Have a group stop reading; what it has in hand is finished, nothing is lost, and others go on."""
    return await _changed(desk, "pause", await _lanes(desk, group, topic), execute, who)


async def resume(
    desk: Desk, group: OfOption, topic: TopicOption = None, execute: ExecuteFlag = False, who: AsOption = None
) -> Shown:
    """Have a paused group go on; from now on its dead letters are counted anew."""
    return await _changed(desk, "resume", await _lanes(desk, group, topic), execute, who)


async def _lanes(desk: Desk, group: str, topic: str | None) -> list[Lane]:
    if group not in ANSWERS:
        raise typer.BadParameter(f"--group is one of {', '.join(ANSWERS)}")
    lanes = [lane for lane in (await desk.streams.keys()).lanes if lane.group == group and topic in (None, lane.topic)]
    if not lanes:
        raise AppError(NOT_FOUND, "The group reads no such topic.")
    return lanes


async def _changed(desk: Desk, deed: str, lanes: Sequence[Lane], execute: bool, who: str | None) -> Shown:
    why = {lane: await desk.streams.paused(lane) for lane in lanes}
    meant = [lane for lane in lanes if bool(why[lane]) == (deed == "resume")]
    rows = [{"stream": lane.stream, "group": lane.group, "paused": why[lane] or None} for lane in lanes]
    if not execute:
        said = f"Would {deed} {len(meant)} of {len(lanes)}. Nothing was changed; --execute does it."
        payload = {"plan": deed, "streams": rows, "would_change": len(meant), "executed": False}
        return Shown(payload, _table(rows, said))
    act = desk.streams.pause if deed == "pause" else desk.streams.resume
    arguments = {"group": lanes[0].group, "streams": [lane.stream for lane in meant]}
    async with desk.recorded(who, f"events.{deed}", arguments) as counts:
        counts |= {"found": len(meant), "changed": 0}
        for lane in meant:
            counts["changed"] += await act(lane)
    return Shown(dict(counts), f"{counts['changed']} of {counts['found']} {deed}d.")


def _table(rows: Sequence[dict[str, str | None]], said: str) -> Table:
    table = Table("stream", "group", "paused by", box=None, caption=said, caption_justify="left")
    for row in rows:
        table.add_row(row["stream"], row["group"], row["paused"] or "-")
    return table
