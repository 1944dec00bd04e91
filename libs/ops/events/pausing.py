"""`therapyrag events pause` and `resume`: have a group stop reading a topic, and go on, within a second."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from libs.common.errors import NOT_FOUND, AppError
from libs.common.streams.admin import GroupStream
from libs.ops.console import Shown
from libs.ops.events.answers import ANSWERS
from libs.ops.events.selection import TopicOption
from libs.ops.operator_tools import Approval, AsOption, ExecuteFlag, OperatorTools

OfOption = Annotated[str, typer.Option("--group", help="The group, which is a service's name.")]


async def pause(
    tools: OperatorTools, group: OfOption, topic: TopicOption = None, execute: ExecuteFlag = False, who: AsOption = None
) -> Shown:
    """Have a group stop reading; what it has in hand is finished, nothing is lost, and others go on."""
    return await _changed(tools, "pause", await _lanes(tools, group, topic), Approval(execute, who))


async def resume(
    tools: OperatorTools, group: OfOption, topic: TopicOption = None, execute: ExecuteFlag = False, who: AsOption = None
) -> Shown:
    """Have a paused group go on; from now on its dead letters are counted anew."""
    return await _changed(tools, "resume", await _lanes(tools, group, topic), Approval(execute, who))


async def _lanes(tools: OperatorTools, group: str, topic: str | None) -> list[GroupStream]:
    if group not in ANSWERS:
        raise typer.BadParameter(f"--group is one of {', '.join(ANSWERS)}")
    lanes = [lane for lane in (await tools.streams.keys()).lanes if lane.group == group and topic in (None, lane.topic)]
    if not lanes:
        raise AppError(NOT_FOUND, "The group reads no such topic.")
    return lanes


async def _changed(tools: OperatorTools, deed: str, lanes: Sequence[GroupStream], approval: Approval) -> Shown:
    why = {lane: await tools.streams.paused(lane) for lane in lanes}
    # Only those of the other state: a group that its limit has paused keeps that reason.
    meant = [lane for lane in lanes if bool(why[lane]) == (deed == "resume")]
    rows = [{"stream": lane.stream, "group": lane.group, "paused": why[lane] or None} for lane in lanes]
    if not approval.execute:
        sentence = f"Would {deed} {len(meant)} of {len(lanes)}. Nothing was changed; --execute does it."
        payload = {"plan": deed, "streams": rows, "would_change": len(meant), "executed": False}
        return Shown(payload, _table(rows, sentence))
    act = tools.streams.pause if deed == "pause" else tools.streams.resume
    arguments = {"group": lanes[0].group, "streams": [lane.stream for lane in meant]}
    async with tools.recorded(approval.who, f"events.{deed}", arguments) as counts:
        counts |= {"found": len(meant), "changed": 0}
        for lane in meant:
            counts["changed"] += await act(lane)
    return Shown(dict(counts), f"{counts['changed']} of {counts['found']} {deed}d.")


def _table(rows: Sequence[dict[str, str | None]], caption: str) -> Table:
    table = Table("stream", "group", "paused by", box=None, caption=caption, caption_justify="left")
    for row in rows:
        table.add_row(row["stream"], row["group"], row["paused"] or "-")
    return table
