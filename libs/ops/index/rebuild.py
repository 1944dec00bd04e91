"""`therapyrag index rebuild`: another embedding model for every organization, filled beside and switched at once.

The sessions that lack vectors of the model are given to the embedder again, each with a capability that the gateway
mints anew, so that consent is asked. It buys what is missing and leaves what is searched alone; an organization is
switched in one transaction when nothing of it is missing. Whoever stops it and starts it again goes on: only what is
missing is asked for, and nothing is bought twice.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Group
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from libs.common.clock import utc_now
from libs.common.errors import CONFLICT, AppError
from libs.common.events import Envelope
from libs.common.ids import new_id
from libs.common.streams.admin import GroupStream, ReplayMove
from libs.contracts.purposes import Purpose
from libs.contracts.transcript import TranscriptReady
from libs.ops.console import Shown, for_people
from libs.ops.events.replay_sender import kept_up, paced
from libs.ops.events.selection import duration
from libs.ops.index.models import IndexedSession, IndexModels, OrganizationIndex
from libs.ops.operator_tools import AsOption, ExecuteFlag, OperatorTools
from libs.ops.rest.client import RefusedError

WHAT = "index.rebuild"
LANE = GroupStream(TranscriptReady.topic, "embedder")
PURPOSES = (Purpose.TRANSCRIPTION.value, Purpose.AI_ANALYSIS.value)
# Nothing else is indexed; the words themselves are fetched from the transcriber, in their newest version.
LANGUAGE = "en"
PAGE = 100
LOOK_EVERY_S = 2.0
RATE_MIN = 0.1
"""Sessions a second; one every ten seconds is as slow as anybody waits for."""

ModelOption = Annotated[str, typer.Option("--model", help="The embedding model to change to.")]
RateOption = Annotated[float | None, typer.Option("--rate", min=RATE_MIN, help="Sessions a second at most.")]
StallOption = Annotated[
    str, typer.Option("--give-up-after", help="How long to wait while the embedder fills nothing: 30s, 10m.")
]


async def rebuild(
    tools: OperatorTools,
    model: ModelOption,
    rate: RateOption = None,
    stall: StallOption = "10m",
    execute: ExecuteFlag = False,
    who: AsOption = None,
) -> Shown:
    """Show which organizations have another model; with --execute fill this one beside it, and switch each to it."""
    models, patience_s = IndexModels(tools.archive), duration(stall).total_seconds()
    pending = [one for one in await models.organizations(model) if one.model != model]
    if not execute or not pending:
        sentence = "Nothing was changed; --execute does it." if pending else f"Every organization has {model} already."
        return Shown(_payload(model, pending, executed=False), Group(_table(pending), sentence))
    # On stderr, before the work begins: stdout is for the result, which a program may read.
    for_people(stderr=True).print(_table(pending))
    switching = Switching(models, model, {one.organization_id: one.passages for one in pending})
    async with tools.recorded(who, WHAT, {"model": model}) as counts:
        await models.begin(model)
        try:
            await _done(tools, switching, (rate, patience_s), counts)
        finally:
            counts["switched"] = switching.switched
    sentence = f"{switching.switched} organizations are searched with {model}."
    return Shown(_payload(model, pending, executed=True), Group(_table(pending), sentence))


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
                    "Is EMBEDDING_PROVIDER the one with this model, and does it run?",
                )
            await asyncio.sleep(min(LOOK_EVERY_S, patience_s))
            before, left = left, await self.look()
            # Patience begins anew with each vector that comes: a large index may take days.
            since = since if left >= before else clock.time()
        on_left(0)


async def _done(
    tools: OperatorTools, switching: Switching, limits: tuple[float | None, float], counts: dict[str, Any]
) -> None:
    """Fill and switch, and show how far it is."""
    rate, patience_s = limits
    total = sum(switching.missing.values())
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    sender = Sender(tools, switching, Counter())
    with Progress(*columns, console=for_people(stderr=True)) as bar:
        passages = bar.add_task("passages", total=total)
        try:
            await sender.send(rate)
        finally:
            counts.update(sender.became)
        await switching.finish(patience_s, lambda left: bar.update(passages, completed=total - left))


@dataclass
class Sender:
    """Gives the embedder every session that lacks vectors, once."""

    tools: OperatorTools
    switching: Switching
    became: Counter[str]

    async def send(self, rate: float | None) -> None:
        """Send all of them; count those that the gateway refused, as consent has ended since."""
        name, started = secrets.token_hex(4), asyncio.get_running_loop().time()
        self.became["sent"] = 0
        async for page in self._pages():
            bodies = [body for session in page if (body := await self._body(session))]
            before = self.became["sent"]
            self.became["sent"] += len(bodies)
            move = ReplayMove(name, str(before or ""), str(self.became["sent"] or ""))
            if not await self.tools.streams.replay(LANE, move, 0, bodies):
                raise AppError(CONFLICT, "Somebody else is sending the same.")
            await paced(started, self.became["sent"], rate)
            await kept_up(self.tools, LANE, name)

    async def _pages(self) -> AsyncIterator[list[IndexedSession]]:
        models, model = self.switching.models, self.switching.model
        page = await models.lacking(model, None, PAGE)
        # Said before the first session and not by it: half a rebuild is only seen when nothing is switched.
        if page and not self.tools.connection.operator_token:
            raise typer.BadParameter("set OPERATOR_TOKEN: the gateway mints a capability for each session")
        while page:
            yield page
            page = await models.lacking(model, page[-1], PAGE)

    async def _body(self, session: IndexedSession) -> str | None:
        subject = {name: getattr(session, name) for name in ("organization_id", "patient_id")}
        subject |= {name: getattr(session, name) for name in ("therapist_id", "session_id")}
        try:
            async with self.tools.gateway() as gateway:
                capability = await gateway.renew_capability(subject, PURPOSES)
        except RefusedError as refused:
            if refused.problem.slug not in ("consent-required", "not-found"):
                raise
            # Left out and counted: consent ended, or the patient was erased, since the index was made.
            self.became["refused"] += 1
            return None
        return _event(session, capability).to_json()


def _event(session: IndexedSession, capability: str) -> Envelope:
    fact = TranscriptReady(
        organization_id=session.organization_id,
        patient_id=session.patient_id,
        therapist_id=session.therapist_id,
        session_id=session.session_id,
        session_date=session.session_date,
        transcript_id=session.transcript_id,
        transcript_version=session.transcript_version,
        language=LANGUAGE,
        # Not known here, and not read by the embedder, the only group that is given this event.
        audio_duration_s=0.0,
    )
    headers = {"capability": capability}
    return Envelope(new_id(), fact.type, fact.version, fact.topic, fact.key, utc_now(), fact.payload(), headers)


def _payload(model: str, pending: Sequence[OrganizationIndex], *, executed: bool) -> dict[str, Any]:
    return {
        "plan": WHAT,
        "model": model,
        "organizations": [one.row() for one in pending],
        "executed": executed,
    }


def _table(pending: Sequence[OrganizationIndex]) -> Table:
    table = Table("organization", "model now", "passages", "of them filled", box=None)
    for one in pending:
        table.add_row(str(one.organization_id), one.model, str(one.passages), str(one.filled))
    return table
