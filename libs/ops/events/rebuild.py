"""`therapyrag events rebuild`: let the relays publish from the archive again, when Redis is new or is not ours.

Safe to do: what a group has applied already is in its inbox, and is only acknowledged.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Group
from rich.table import Table

from libs.common.clock import to_json_time
from libs.common.errors import CONFLICT, AppError
from libs.common.messaging.archive import START, Position, Wanted
from libs.ops.console import Shown
from libs.ops.events.cursors import Cursor, cursors
from libs.ops.events.selection import FromOption, SinceOption, TopicOption, since_of
from libs.ops.operator_tools import AsOption, ExecuteFlag, OperatorTools


@dataclass(frozen=True)
class Move:
    """One stream's cursor, where it is to go, and how many rows are published from there."""

    cursor: Cursor
    to: str
    rows: int

    def row(self) -> dict[str, Any]:
        """Return what is printed."""
        return {
            "service": self.cursor.schema,
            "topic": self.cursor.topic,
            "stream": self.cursor.stream,
            "cursor": self.cursor.text,
            "cursor_state": self.cursor.state,
            "new_cursor": self.to,
            "rows": self.rows,
        }


async def rebuild(
    tools: OperatorTools,
    topic: TopicOption = None,
    since: SinceOption = None,
    start: FromOption = None,
    execute: ExecuteFlag = False,
    who: AsOption = None,
) -> Shown:
    """Set the relays' cursor back, so that they publish from the archive again.

    Without a time only streams whose cursor is missing, unreadable, of another database or in the future.
    """
    at = since_of(since, start)
    moves = await _moves(tools, topic, at)
    rows = [move.row() for move in moves]
    if not execute or not moves:
        sentence = (
            "Nothing was changed; --execute does it." if moves else "Every cursor is in order: nothing to rebuild."
        )
        return Shown({"plan": "rebuild", "streams": rows, "executed": False}, Group(_table(moves), sentence))
    arguments = {"topic": topic, "since": to_json_time(at) if at else None}
    async with tools.recorded(who, "events.rebuild", arguments) as counts:
        counts["streams"] = 0
        for move in moves:
            if not await tools.streams.rewind(move.cursor.stream, move.cursor.text, move.to):
                # A relay has published meanwhile, so what was planned is not what would happen.
                raise AppError(CONFLICT, f"The cursor of {move.cursor.stream} has moved meanwhile: look again.")
            counts["streams"] += 1
    return Shown({"plan": "rebuild", "streams": rows, "executed": True}, Group(_table(moves), "Done."))


async def _moves(tools: OperatorTools, topic: str | None, at: datetime | None) -> list[Move]:
    sysid, _ = await tools.archive.cluster()
    moves: list[Move] = []
    for cursor in await cursors(tools, topic):
        if cursor.state == "in order" and at is None:
            continue
        position = await _begin(tools, cursor, at)
        if position is not None:
            waiting = await tools.archive.waiting(cursor.schema, Wanted(topics=(cursor.stream,)), position)
            moves.append(Move(cursor, f"{sysid}:{position.xid}:{position.seq}", waiting.rows))
    return moves


async def _begin(tools: OperatorTools, cursor: Cursor, at: datetime | None) -> Position | None:
    """Where to begin; None for a stream that need not move: it is in order and nothing is newer than the time."""
    if at is None:
        return START
    first = await tools.archive.just_before(cursor.schema, Wanted(topics=(cursor.stream,), since=at))
    # Never forward: what lies between would not be published by anybody.
    if cursor.position is not None and (first is None or first >= cursor.position):
        return None
    return first or await _end(tools, cursor)


async def _end(tools: OperatorTools, cursor: Cursor) -> Position:
    newest = await tools.archive.newest(cursor.schema, Wanted(topics=(cursor.stream,)), 1)
    return newest[0].position if newest else START


def _table(moves: list[Move]) -> Table:
    table = Table("stream", "cursor now", "cursor then", "rows to publish", box=None)
    for move in moves:
        now = move.cursor.text if move.cursor.state == "in order" else move.cursor.state
        table.add_row(move.cursor.stream, now, move.to, str(move.rows))
    return table
