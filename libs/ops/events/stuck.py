"""`therapyrag sessions stuck`: sessions that should have come to an end by now, and where each one hangs."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.table import Table

from libs.common.clock import to_json_time, utc_now
from libs.ops.console import Shown
from libs.ops.events.facts import ago
from libs.ops.events.selection import duration
from libs.ops.events.timeline import Answering, Step, StreamSnapshot, read_books, timeline
from libs.ops.operator_tools import OperatorTools
from libs.ops.store import LastStatus

LOOKED_AT_MAX = 1_000
LOOKED_AT = 100
"""By default: each is looked up in every stream, so more than an operator reads is slow for nothing."""

OlderOption = Annotated[str, typer.Option("--older", help="Whose last status is older than this: 15m, 2h.")]
MostOption = Annotated[int, typer.Option("--most", min=1, max=LOOKED_AT_MAX, help="How many sessions to look at.")]

_NEXT = {
    "vendor": "see docs/operations/runbooks/vendor-down.md",
    "unpublished": "therapyrag outbox status",
    "waiting": "therapyrag events lag",
    "pending": "therapyrag events lag",
    "parked": "therapyrag trace {session}",
    "dead": "therapyrag dlq redrive --id {event} --execute",
    "nowhere": "therapyrag events replay --group {group} --id {event} --execute",
    "no answer": "therapyrag trace {session}",
}


async def stuck(tools: OperatorTools, older: OlderOption = "15m", most: MostOption = LOOKED_AT) -> Shown:
    """List sessions whose status is not final and older than that, with where each one hangs and what to do."""
    last = await tools.store.last_statuses(utc_now() - duration(older), most)
    known = await tools.store.sessions([one.session_id for one in last])
    books = await read_books(tools) if last else None
    # An erased session says nothing more; it does not hang.
    rows = [await _row(tools, one, books) for one in last if one.session_id in known and books is not None]
    return Shown(rows, _table(rows) if rows else f"No session has been on its way for longer than {older}.")


async def _row(tools: OperatorTools, last: LastStatus, books: StreamSnapshot) -> dict[str, Any]:
    place, step, answering = _hangs(await timeline(tools, last.session_id, books))
    event, group = (str(step.fact.envelope.id), answering.group) if step and answering else (None, None)
    where = answering.where if answering else None
    return {
        "session_id": str(last.session_id),
        "status": last.status,
        "since": to_json_time(last.at),
        "age_s": round((utc_now() - last.at).total_seconds(), 1),
        "hangs": place,
        "group": group,
        "event_type": step.fact.envelope.type if step else None,
        "event_id": event,
        "attempt": where.attempt if where else None,
        "why": where.why if where else None,
        "next": _NEXT[place].format(session=last.session_id, event=event, group=group),
    }


def _hangs(steps: Sequence[Step]) -> tuple[str, Step | None, Answering | None]:
    """The last answer that is still to come decides; what is dead or lost before what is on its way."""
    waiting = [(step, answering) for step in steps for answering in step.answers if answering.is_open]
    if not waiting:
        return "no answer", None, None
    # What is dead or nowhere waits for a person, and all behind it for that.
    ended = [pair for pair in waiting if pair[1].state in ("dead", "nowhere")]
    step, answering = (ended or waiting)[-1]
    # In the hands of a step that asks outside: then the vendor is what to look at first.
    is_asking = answering.state == "pending" and answering.answer.vendor
    return ("vendor" if is_asking else answering.state), step, answering


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table("session", "status", "for", "hangs", "where", "next", box=None)
    for row in rows:
        where = f"{row['group']} on {row['event_type']}" if row["group"] else ""
        detail = f" ({row['why']})" if row["why"] else f" (attempt {row['attempt']})" if row["attempt"] else ""
        age = ago(timedelta(seconds=row["age_s"]))
        table.add_row(row["session_id"], row["status"], age, row["hangs"] + detail, where, row["next"])
    return table
