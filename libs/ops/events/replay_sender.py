"""Sends archived events to one group, at a rate, so that a killed replay goes on where it was."""

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from libs.common.errors import CONFLICT, AppError
from libs.common.events import TOO_LARGE, Envelope
from libs.common.messaging.archive import START, Fact, Position, Wanted
from libs.common.streams.admin import GroupStream, ReplayMove
from libs.common.streams.entries import ENTRY_SIZE_MAX, bytes_in
from libs.ops.events.answers import ANSWERS
from libs.ops.events.dry_run import ReplayDecision, judged
from libs.ops.events.facts import subject_of
from libs.ops.events.selection import Chosen
from libs.ops.operator_tools import OperatorTools
from libs.ops.rest.client import RefusedError

BATCH = 200
PLAN_BATCH = 500
STEPS_A_SECOND = 5
AHEAD_MAX = 10_000
KEEPS_UP_WITHIN_S = 600.0
KEEPS_UP_EVERY_S = 0.5
SETTLES_WITHIN_S = 30.0
RENEWED = "capability-renewed"


@dataclass(frozen=True)
class Replay:
    """What is replayed into which group. The same `name` goes on where a killed one stopped."""

    name: str
    group: str
    chosen: Chosen
    epoch: int = 0
    rate: float | None = None

    @property
    def batch(self) -> int:
        """How many events one step sends, so that a slow rate is even."""
        return BATCH if self.rate is None else max(1, min(BATCH, math.ceil(self.rate / STEPS_A_SECOND)))


@dataclass(frozen=True)
class Source:
    """Those facts of one topic that are chosen, as one schema archived them, and a lane they go to."""

    schema: str
    chosen: Wanted
    lane: GroupStream


async def plan(tools: OperatorTools, wanted: Replay) -> Counter[ReplayDecision]:
    """Count what would become of every event that is left of the replay."""
    counts: Counter[ReplayDecision] = Counter()
    for source in await _sources(tools, wanted):
        async for _, mine in _pages(tools, source, wanted, PLAN_BATCH):
            counts.update(fate for _, fate in await judged(tools, mine, wanted.group, wanted.epoch))
    return counts


async def send(tools: OperatorTools, wanted: Replay, counts: Counter[str], on_step: Callable[[int], None]) -> None:
    """Send what is left of the replay and count what became of it. Raises AppError(CONFLICT) when another sends it too.

    Waits while the group does not keep up: the backlog stays in the archive, not in the stream's memory.
    """
    counts["sent"] = 0
    renewals = Renewals(tools)
    started = asyncio.get_running_loop().time()
    for source in await _sources(tools, wanted):
        async for (before, after), mine in _pages(tools, source, wanted, wanted.batch):
            fates = await judged(tools, mine, wanted.group, wanted.epoch)
            # Page by page and not before all: a replay may run for hours, in which consent is revoked and events are
            # applied.
            bodies = await _bodies(fates, wanted.group, renewals, counts)
            move = ReplayMove(wanted.name, _text(before), _text(after))
            # One script adds the events and moves the progress, if that still stands where this sender read it.
            if not await tools.streams.replay(source.lane, move, wanted.epoch, bodies):
                raise AppError(CONFLICT, f"Somebody else is sending the replay {wanted.name}.")
            on_step(len(mine))
            counts["sent"] += len(bodies)
            await paced(started, counts["sent"], wanted.rate)
            await kept_up(tools, source.lane, wanted.name)


class Renewals:
    """Capabilities minted anew by the gateway, which asks consent again; each subject is asked for once."""

    def __init__(self, tools: OperatorTools) -> None:
        self._tools = tools
        self._known: dict[tuple[str, tuple[UUID | None, ...]], str | None] = {}

    async def of(self, envelope: Envelope, group: str) -> str | None:
        """Return a capability for the event, None where there is no operator's token or the gateway refuses."""
        if not self._tools.connection.operator_token or not ANSWERS[group][envelope.type].renewable:
            return None
        asked = (envelope.type, tuple(subject_of(envelope).values()))
        # A refusal is remembered too: a subject has thousands of events, and the answer is the same for each.
        if asked not in self._known:
            self._known[asked] = await self._mint(envelope, group)
        return self._known[asked]

    async def _mint(self, envelope: Envelope, group: str) -> str | None:
        subject = subject_of(envelope)
        if subject["organization_id"] is None or subject["patient_id"] is None:
            return None
        purposes = [purpose.value for purpose in ANSWERS[group][envelope.type].purposes]
        try:
            async with self._tools.gateway() as gateway:
                return await gateway.renew_capability(subject, purposes)
        except RefusedError as refused:
            # An event that may no longer be processed is left out and counted; anything else stops the replay.
            if refused.problem.slug not in ("consent-required", "not-found"):
                raise
            return None


async def _bodies(
    fates: Sequence[tuple[Fact, ReplayDecision]], group: str, renewals: Renewals, counts: Counter[str]
) -> list[str]:
    bodies: list[str] = []
    for fact, fate in fates:
        envelope: Envelope | None = fact.envelope if fate.is_sent else None
        outcome: str = fate
        if fate is ReplayDecision.EXPIRED:
            token = await renewals.of(fact.envelope, group)
            outcome = RENEWED if token else fate
            envelope = _with(fact.envelope, token) if token else None
        body = envelope.to_json() if envelope is not None else ""
        if bytes_in(body) > ENTRY_SIZE_MAX:
            outcome, body = TOO_LARGE, ""  # no group would read it
        counts[outcome] += 1
        if body:
            bodies.append(body)
    return bodies


def _with(envelope: Envelope, capability: str) -> Envelope:
    return replace(envelope, headers={**envelope.headers, "capability": capability})


async def _sources(tools: OperatorTools, wanted: Replay) -> list[Source]:
    """Return where the facts are and where they go."""
    topics = sorted((await tools.archive.topics()).items())
    return [
        Source(schema, wanted.chosen.wanted(topic), GroupStream(topic, wanted.group))
        for topic, schema in topics
        if wanted.chosen.has(topic)
    ]


async def _pages(
    tools: OperatorTools, source: Source, wanted: Replay, most: int
) -> AsyncIterator[tuple[tuple[Position, Position], list[Fact]]]:
    """Yield from where to where each page goes, and those of its facts that go to the source's lane."""
    position = await _reached(tools, source.lane, wanted.name)
    while facts := await _next_page(tools, source, position, most):
        yield (position, facts[-1].position), facts
        position = facts[-1].position


async def _next_page(tools: OperatorTools, source: Source, position: Position, most: int) -> list[Fact]:
    """Return the next page; what an open transaction still holds back is waited for, or would be left out unseen."""
    deadline = asyncio.get_running_loop().time() + SETTLES_WITHIN_S
    while True:
        facts = await tools.archive.after(source.schema, source.chosen, position, most)
        if facts or not (await tools.archive.waiting(source.schema, source.chosen, position)).rows:
            return facts
        if asyncio.get_running_loop().time() > deadline:
            raise AppError(
                CONFLICT, "A long transaction delays the outbox (therapyrag outbox status). Try again later."
            )
        await asyncio.sleep(KEEPS_UP_EVERY_S)


async def _reached(tools: OperatorTools, lane: GroupStream, name: str) -> Position:
    text = await tools.streams.progress(lane, name)
    xid, _, seq = text.partition(":")
    return Position(int(xid), int(seq)) if text else START


def _text(position: Position) -> str:
    return "" if position == START else f"{position.xid}:{position.seq}"


async def kept_up(tools: OperatorTools, lane: GroupStream, name: str) -> None:
    """Wait until the group has read most of its lane. Raises AppError(CONFLICT) when it does not."""
    deadline = asyncio.get_running_loop().time() + KEEPS_UP_WITHIN_S
    while await tools.streams.replayed_ahead(lane) > AHEAD_MAX:
        if asyncio.get_running_loop().time() > deadline:
            raise AppError(CONFLICT, f"{lane.group} does not keep up. Go on later with --resume {name}.")
        await asyncio.sleep(KEEPS_UP_EVERY_S)


async def paced(started: float, sent: int, rate: float | None) -> None:
    """Wait as long as the rate wants."""
    if rate is not None:
        await asyncio.sleep(max(0.0, started + sent / rate - asyncio.get_running_loop().time()))
