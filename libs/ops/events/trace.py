"""`therapyrag trace`: one session across all services, drawn as a timeline in the terminal."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from libs.common.clock import to_json_time, utc_now
from libs.common.errors import NOT_FOUND, AppError
from libs.ops.console import Shown
from libs.ops.events.facts import ago, at_ms, shown
from libs.ops.events.timeline import Answering, Step, read_books, timeline
from libs.ops.operator_tools import OperatorTools

WIDTH = 40
_COLOURS = {"applied": "green", "failed": "yellow", "dead": "bold red", "parked": "yellow", "nowhere": "bold red"}


async def trace(tools: OperatorTools, session_id: Annotated[UUID, typer.Argument(help="The session's id.")]) -> Shown:
    """Draw what happened to a session, service by service: when, for how long, and where it waits."""
    steps = await timeline(tools, session_id, await read_books(tools))
    if not steps:
        raise AppError(NOT_FOUND, "The archive holds no fact about such a session.")
    payload = {"session_id": str(session_id), "facts": [_row(step, steps[0].fact.envelope.at) for step in steps]}
    return Shown(payload, Group(_drawn(steps), _summary(steps)))


def _row(step: Step, start: datetime) -> dict[str, Any]:
    at = step.fact.envelope.at
    return shown(step.fact) | {
        "offset_ms": _ms(at - start),
        "answers": [_answering_json(answering, at) for answering in step.answers],
    }


def _answering_json(answering: Answering, since: datetime) -> dict[str, Any]:
    where = answering.where
    return {
        "group": answering.group,
        "state": answering.state,
        "at": to_json_time(answering.at) if answering.at else None,
        "took_ms": _ms(answering.at - since) if answering.at else None,
        "epoch": answering.epoch,
        "attempt": where.attempt if where else None,
        "why": where.why if where else None,
        "due": to_json_time(at_ms(where.due_ms)) if where and where.due_ms else None,
    }


def _drawn(steps: Sequence[Step]) -> Table:
    start = steps[0].fact.envelope.at
    end = max((answering.at or utc_now() for step in steps for answering in step.answers), default=start)
    # Not nothing: a single fact takes no time, and shares of the whole are drawn.
    whole = max(end, steps[-1].fact.envelope.at) - start or timedelta(milliseconds=1)
    table = Table("after", "service", "fact", "from emission to effect", "answered by", box=None)
    for step in steps:
        at = step.fact.envelope.at
        head = (f"+{ago(at - start)}", step.fact.schema, step.fact.envelope.type)
        if not step.answers:
            table.add_row(*head, _bar(at - start, None, whole, "dim"), "")
        for number, answering in enumerate(step.answers):
            span = (answering.at or utc_now()) - at
            bar = _bar(at - start, span, whole, _COLOURS.get(answering.state, "cyan"))
            table.add_row(*(head if number == 0 else ("", "", "")), bar, _words(answering, span))
    return table


def _bar(offset: timedelta, span: timedelta | None, whole: timedelta, colour: str) -> Text:
    before = min(WIDTH - 1, int(WIDTH * (offset / whole)))
    if span is None:
        return Text(" " * before + "·", style=colour)
    # A sign at least, or what was quick would not be seen.
    length = max(1, min(WIDTH - before, round(WIDTH * (span / whole))))
    return Text(" " * before + "━" * length, style=colour)


def _words(answering: Answering, span: timedelta) -> Text:
    text = Text(f"{answering.group} {ago(span)}")
    if answering.state == "applied":
        return text
    where = answering.where
    text.append(f"  {answering.state}", style=_COLOURS.get(answering.state, "cyan"))
    if where is not None:
        text.append(f", attempt {where.attempt}" + (f", {where.why}" if where.why else ""))
        text.append(f", again in {ago(at_ms(where.due_ms) - utc_now())}" if where.due_ms else "")
    return text


def _summary(steps: Sequence[Step]) -> str:
    waiting = [answering for step in steps for answering in step.answers if answering.is_open]
    whole = steps[-1].fact.envelope.at - steps[0].fact.envelope.at
    sentence = f"{len(steps)} facts in {ago(whole)}"
    return sentence + (f"; answers still to come: {len(waiting)}." if waiting else "; every answer given.")


def _ms(span: timedelta) -> float:
    return round(span.total_seconds() * 1000, 1)
