"""`therapyrag index rebuild`: another embedding model for every organization, filled beside and switched at once.

The transcripts are replayed to the embedder, which buys what is missing of the model and leaves what is searched alone.
An organization is switched in one transaction when nothing of it is missing. Nothing is bought twice: a killed rebuild
goes on with --resume, and even one from the start asks only for what is not there.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Group
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from libs.common.clock import utc_now
from libs.common.errors import CONFLICT, NOT_FOUND, AppError
from libs.ops.console import Shown, for_people
from libs.ops.events.replay_sender import Replay, plan, send
from libs.ops.events.selection import Chosen, duration
from libs.ops.index.models import IndexModels, OrganizationIndex
from libs.ops.operator_tools import AsOption, ExecuteFlag, OperatorTools

WHAT = "index.rebuild"
GROUP = "embedder"
# Each session has exactly one; the embedder reads the newest words whatever the event says.
REPLAYED = "transcript.ready"
LOOK_EVERY_S = 2.0
SECONDS_AN_EPOCH = 60

ModelOption = Annotated[str, typer.Option("--model", help="The embedding model to change to.")]
RateOption = Annotated[float | None, typer.Option("--rate", min=0.1, help="Sessions a second at most.")]
ResumeOption = Annotated[str | None, typer.Option("--resume", help="Go on with the killed rebuild of this name.")]
StallOption = Annotated[
    str, typer.Option("--give-up-after", help="How long to wait while the embedder fills nothing: 30s, 10m.")
]


async def rebuild(
    tools: OperatorTools,
    model: ModelOption,
    rate: RateOption = None,
    resume: ResumeOption = None,
    stall: StallOption = "10m",
    execute: ExecuteFlag = False,
    who: AsOption = None,
) -> Shown:
    """Show which organizations have another model; with --execute fill this one beside it, and switch each to it."""
    models, patience_s = IndexModels(tools.archive), duration(stall).total_seconds()
    wanted = await _wanted(tools, model, resume, rate)
    pending = [one for one in await models.organizations(model) if one.model != model]
    if not execute or not pending:
        said = "Nothing was changed; --execute does it." if pending else f"Every organization has {model} already."
        return Shown(_payload(model, pending, None), Group(_table(pending), said))
    for_people(stderr=True).print(_table(pending), f"rebuild {wanted.name} (to go on after a kill: --resume)")
    arguments = {"name": wanted.name, "model": model, "epoch": wanted.epoch, "chosen": wanted.chosen.as_arguments()}
    async with tools.recorded(who, WHAT, arguments) as counts:
        await models.begin(model)
        switching = Switching(models, model, {one.organization_id: one.passages for one in pending})
        try:
            counts.update(await _done(tools, wanted, switching, patience_s))
        finally:
            counts["switched"] = switching.switched
    said = f"{switching.switched} organizations are searched with {model}."
    return Shown(_payload(model, pending, wanted.name), Group(_table(pending), said))


async def _wanted(tools: OperatorTools, model: str, resume: str | None, rate: float | None) -> Replay:
    """Return the replay; a new one has an epoch of its own, or what a former one applied would be skipped."""
    if resume is None:
        epoch = int(utc_now().timestamp()) // SECONDS_AN_EPOCH
        return Replay(secrets.token_hex(4), GROUP, Chosen(type=REPLAYED, until=utc_now()), epoch, rate)
    kept = await tools.store.begun(WHAT, resume)
    if kept is None or kept["model"] != model:
        raise AppError(NOT_FOUND, f"No rebuild called {resume} was ever begun with this model.")
    return Replay(resume, GROUP, Chosen.of_arguments(kept["chosen"]), int(kept["epoch"]), rate)


@dataclass
class Switching:
    """The organizations that still have another model, and how many vectors each lacks."""

    models: IndexModels
    model: str
    missing: dict[UUID, int]
    switched: int = 0

    async def look(self) -> int:
        """Switch each organization of which nothing is missing; return how many vectors the others lack."""
        for organization_id in list(self.missing):
            self.missing[organization_id] = await self.models.switch(organization_id, self.model)
            if not self.missing[organization_id]:
                del self.missing[organization_id]
                self.switched += 1
        return sum(self.missing.values())

    async def finish(self, patience_s: float, on_left: Callable[[int], None]) -> None:
        """Go on until all are switched. Raises AppError(CONFLICT) when nothing comes any more."""
        clock = asyncio.get_running_loop()
        left, since = await self.look(), clock.time()
        while self.missing:
            on_left(left)
            if clock.time() - since >= patience_s:
                raise AppError(
                    CONFLICT,
                    f"{left} passages have no vector of {self.model}, and none comes. "
                    "Is EMBEDDING_PROVIDER the one with this model, and OPERATOR_TOKEN set for old sessions?",
                )
            await asyncio.sleep(min(LOOK_EVERY_S, patience_s))
            before, left = left, await self.look()
            since = since if left >= before else clock.time()
        on_left(0)


async def _done(tools: OperatorTools, replay: Replay, switching: Switching, patience_s: float) -> Counter[str]:
    """Fill and switch, and show how far it is."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    total, became = sum(switching.missing.values()), Counter[str]()
    with Progress(*columns, console=for_people(stderr=True)) as bar:
        sessions = bar.add_task("sessions", total=sum((await plan(tools, replay)).values()))
        passages = bar.add_task("passages", total=total)
        await send(tools, replay, became, lambda steps: bar.advance(sessions, steps))
        await switching.finish(patience_s, lambda left: bar.update(passages, completed=total - left))
    return became


def _payload(model: str, pending: Sequence[OrganizationIndex], name: str | None) -> dict[str, Any]:
    return {
        "plan": WHAT,
        "model": model,
        "organizations": [one.row() for one in pending],
        "name": name,
        "executed": name is not None,
    }


def _table(pending: Sequence[OrganizationIndex]) -> Table:
    table = Table("organization", "model now", "passages", "of them filled", box=None)
    for one in pending:
        table.add_row(str(one.organization_id), one.model, str(one.passages), str(one.filled))
    return table
