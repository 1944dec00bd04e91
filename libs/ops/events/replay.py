"""`therapyrag events replay`: give archived events to one group again; the plan first, and only then the deed.

A replay obeys today's consent and today's erasures.
What the group has applied is a no-op, unless another epoch is meant.
"""

import secrets
from collections import Counter
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from libs.common.clock import utc_now
from libs.common.errors import NOT_FOUND, AppError
from libs.ops.console import Shown, for_people
from libs.ops.events.answers import ANSWERS
from libs.ops.events.dry_run import ReplayDecision
from libs.ops.events.replay_sender import Replay, plan, send
from libs.ops.events.selection import (
    Chosen,
    FromOption,
    IdOption,
    SessionOption,
    SinceOption,
    ToOption,
    TopicOption,
    TypeOption,
    moment,
    since_of,
)
from libs.ops.operator_tools import AsOption, ExecuteFlag, OperatorTools

WHAT = "events.replay"
EPOCH_MEANS = (
    "Epoch {epoch} applies again what was applied: new rows where the service keeps none apart, and vendors may be "
    "asked and paid again. Repeat with --again if that is meant."
)

RATE_MIN = 0.1
"""Events a second; one every ten seconds is as slow as anybody waits for."""
IntoOption = Annotated[str | None, typer.Option("--group", help="The one group that gets them: a service's name.")]
RateOption = Annotated[float | None, typer.Option("--rate", min=RATE_MIN, help="Events a second at most.")]
EpochOption = Annotated[int, typer.Option("--epoch", min=0, help="Above 0: apply again on purpose (needs --again).")]
AgainFlag = Annotated[bool, typer.Option("--again", help="Yes, what was applied is to be applied again.")]
AllFlag = Annotated[bool, typer.Option("--all", help="Every fact in the archive.")]
ResumeOption = Annotated[str | None, typer.Option("--resume", help="Go on with the killed replay of this name.")]


async def replay(
    tools: OperatorTools,
    group: IntoOption = None,
    session: SessionOption = None,
    id_: IdOption = None,
    type_: TypeOption = None,
    topic: TopicOption = None,
    since: SinceOption = None,
    start: FromOption = None,
    to: ToOption = None,
    every: AllFlag = False,
    rate: RateOption = None,
    epoch: EpochOption = 0,
    again: AgainFlag = False,
    resume: ResumeOption = None,
    execute: ExecuteFlag = False,
    who: AsOption = None,
) -> Shown:
    """Show what a replay into a group would do; with --execute do it."""
    # What the replay itself sets going is not part of it.
    until = moment(to) if to else utc_now()
    chosen = Chosen(session, id_, type_, topic, since_of(since, start), until)
    asked = Replay(secrets.token_hex(4), group or "", chosen, epoch, rate)
    wanted = _confirmed(asked, every) if resume is None else await _begun(tools, resume, rate)
    if wanted.epoch and execute and not (again or resume):
        # Asked for twice and written down either way: applying again may cost money and make rows.
        raise await tools.denied(who, WHAT, _arguments(wanted), EPOCH_MEANS.format(epoch=wanted.epoch))
    counts = await plan(tools, wanted)
    if not execute:
        return _planned(wanted, counts)
    for_people(stderr=True).print(_table(counts))
    return await _done(tools, wanted, sum(counts.values()), who)


async def _done(tools: OperatorTools, wanted: Replay, total: int, who: str | None) -> Shown:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    async with tools.recorded(who, WHAT, _arguments(wanted)) as counts:
        with Progress(*columns, console=for_people(stderr=True)) as bar:
            task = bar.add_task(f"replay {wanted.name}", total=total)
            became: Counter[str] = Counter()
            try:
                await send(tools, wanted, became, lambda steps: bar.advance(task, steps))
            finally:
                # Also when it is stopped half-way, so that the record says what was sent.
                counts.update(became)
    payload = {"name": wanted.name, "group": wanted.group, "epoch": wanted.epoch, "executed": True, "counts": counts}
    return Shown(payload, f"{counts.get('sent', 0)} events sent to {wanted.group}.")


def _confirmed(wanted: Replay, every: bool) -> Replay:
    if wanted.group not in ANSWERS:
        raise typer.BadParameter(f"--group is one of {', '.join(ANSWERS)}")
    # An option that was forgotten must not mean all of the archive.
    if wanted.chosen.is_everything != every:
        raise typer.BadParameter("choose by --session, --id, --type, --topic or a time; or --all for everything")
    return wanted


async def _begun(tools: OperatorTools, name: str, rate: float | None) -> Replay:
    kept = await tools.store.begun(WHAT, name)
    if kept is None:
        raise AppError(NOT_FOUND, f"No replay called {name} was ever begun.")
    # As it was begun, whatever is said now: a replay of two selections would be neither of them.
    return Replay(name, kept["group"], Chosen.of_arguments(kept["chosen"]), int(kept["epoch"]), rate)


def _arguments(wanted: Replay) -> dict[str, Any]:
    chosen = wanted.chosen.as_arguments()
    return {"name": wanted.name, "group": wanted.group, "chosen": chosen, "epoch": wanted.epoch, "rate": wanted.rate}


def _planned(wanted: Replay, counts: Counter[ReplayDecision]) -> Shown:
    sent = sum(number for fate, number in counts.items() if fate.is_sent)
    new = counts[ReplayDecision.NEW]
    payload = {
        "plan": "replay",
        "group": wanted.group,
        "epoch": wanted.epoch,
        "events": sum(counts.values()),
        "would_be_sent": sent,
        "would_be_applied": new,
        "fates": {fate.value: counts[fate] for fate in ReplayDecision},
        "executed": False,
    }
    sentence = f"{sum(counts.values())} events chosen, {sent} would be sent to {wanted.group}, {new} applied."
    meaning = (EPOCH_MEANS.format(epoch=wanted.epoch),) if wanted.epoch else ()
    return Shown(payload, Group(_table(counts), sentence, *meaning, "Nothing was changed; --execute does it."))


def _table(counts: Counter[ReplayDecision]) -> Table:
    table = Table("events", "fate", "", box=None)
    for fate in ReplayDecision:
        if counts[fate]:
            table.add_row(str(counts[fate]), fate.value, fate.meaning)
    return table
