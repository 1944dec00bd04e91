"""A process that relays and consumes dies at every await in turn; the next one finishes, and nothing is lost or doubled.

Each await of the kernel is found in its source, and a point is put around it when a warm process imports the kernel.
Lives that end well say which moments they passed; then one life per moment is killed there, with SIGKILL.
"""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from libs.common.tests import crash_source
from libs.common.tests.crash_lanes import KILLED, Lane, Verdict, Worlds, lane, worlds
from libs.common.tests.crash_moments import AT, THEN
from libs.common.tests.crash_world import SCENARIOS, Scenario
from libs.devstack.infra import Infra

NOT_ON_THE_WAY = {
    "database.py Database.without_capability: enter async with self._open({_ANONYMOUS: True})": "requests only",
    "database.py Database.without_capability: leave async with self._open({_ANONYMOUS: True})": "requests only",
    "database.py Database.ping: enter async with self.without_capability()": "asked by /health only",
    "database.py Database.ping: leave async with self.without_capability()": "asked by /health only",
    "database.py Database.ping: await tx.execute(text('select 1'))": "asked by /health only",
    "redis_streams.py RedisStreams.forget: next of async for self._redis.scan_iter(match=f'{{{topic}}}:*')": "tests only",
    "redis_streams.py RedisStreams.forget: await self._redis.delete(*keys)": "tests only",
}
"""Awaits that neither relay nor consumer comes to, with the reason. This list may only shrink."""
LANES = (os.cpu_count() or 2) + 1
MEETINGS_MAX = 4
"""A moment that depends on timing is waited for in this many lives before it is passed over."""
PAIRS = 60
SEED = 20_240_229
BATCH = 8
"""So many worlds, each left by a life of its own, are finished by one process: it saves a third of the time."""
Pair = tuple[Scenario, str, str]
T = TypeVar("T")


@dataclass
class Round:
    """What has been found so far."""

    died_at: list[str] = field(default_factory=list)
    not_met: list[str] = field(default_factory=list)
    pairs: int = 0
    lost: int = 0
    twice: int = 0
    wrong: list[str] = field(default_factory=list)

    def judged(self, how: str, verdict: Verdict) -> None:
        """Add what was found in one world."""
        self.lost += verdict.lost
        self.twice += verdict.twice
        if verdict.wrong:
            self.wrong.append(f"{how}: {verdict.wrong}")


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_death_at_any_await_of_relay_and_consumer_loses_nothing_and_doubles_nothing(
    infra: Infra, capsys: pytest.CaptureFixture[str]
) -> None:
    started = time.monotonic()
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(worlds(infra))
        lanes = [await stack.enter_async_context(lane()) for _ in range(LANES)]
        moments = await _moments(made, lanes)
        found = Round()
        await _shared(lanes, _batches(moments.items()), lambda lane, batch: _die_once(found, made, lane, batch))
        await _shared(lanes, _batches(_pairs(moments)), lambda lane, batch: _die_twice(found, made, lane, batch))
    with capsys.disabled():
        print(_proof(found, time.monotonic() - started))

    assert found.wrong == []
    assert (found.lost, found.twice) == (0, 0)
    assert _never_died_at(moments, found.died_at) == sorted(NOT_ON_THE_WAY)
    assert found.pairs >= PAIRS // 2


async def _moments(made: Worlds, lanes: list[Lane]) -> dict[str, Scenario]:
    """Return each moment that lives that end well pass, and the first scenario in which it is passed."""
    passed: dict[str, Mapping[str, int]] = {}

    async def lived(lane: Lane, scenario: Scenario) -> None:
        ending = await lane.live(await made.made(scenario, lane))
        assert ending.code == 0, scenario.name
        passed[scenario.name] = ending.passed

    await _shared(lanes, SCENARIOS, lived)
    return {moment: scenario for scenario in reversed(SCENARIOS) for moment in passed[scenario.name]}


async def _die_once(found: Round, made: Worlds, lane: Lane, batch: Sequence[tuple[str, Scenario]]) -> None:
    """Let a life end at each moment; then one process finishes what all of them have left."""
    tries = MEETINGS_MAX
    while batch and tries:
        tries -= 1
        jobs = [await made.made(scenario, lane, moment) for moment, scenario in batch]
        endings = [await lane.live(job) for job in jobs]
        healed = await lane.live(*(job.healing() for job in jobs))
        for job in jobs:
            found.judged(f"{job.scenario} at {job.die_at}", await made.verdict(job, healed))
        found.died_at += [ending.died_at for ending in endings if ending.code == KILLED]
        import sys; print(f"{time.monotonic():.1f}", len(found.died_at), len(batch), tries, len(found.wrong), found.wrong[-1:], Counter(e.code for e in endings), file=sys.stderr, flush=True)
        batch = [item for item in batch if item[0] not in {ending.died_at for ending in endings}]
    found.not_met += [moment for moment, _ in batch]


async def _die_twice(found: Round, made: Worlds, lane: Lane, batch: Sequence[Pair]) -> None:
    """Let a life end at the first moment, and the one after it at the second; then one process finishes all."""
    jobs = [await made.made(scenario, lane, first) for scenario, first, _ in batch]
    for job, (_, _, second) in zip(jobs, batch, strict=True):
        endings = [await lane.live(job), await lane.live(job.healing(second))]
        found.pairs += all(ending.code == KILLED for ending in endings)
    healed = await lane.live(*(job.healing() for job in jobs))
    for job, (scenario, first, second) in zip(jobs, batch, strict=True):
        found.judged(f"{scenario.name} at {first}, then at {second}", await made.verdict(job, healed))


def _pairs(moments: Mapping[str, Scenario]) -> list[Pair]:
    """Return a seeded sample: a first death, and a moment that a process which takes over comes to."""
    dice = random.Random(SEED)
    # Two deaths alone with one event are its own fault, and it is buried: not what is asked here.
    firsts = sorted(moment for moment, scenario in moments.items() if scenario.before == "")
    seconds = sorted(moment for moment, scenario in moments.items() if scenario.name in ("plain", "inherited"))
    return [(moments[first], first, dice.choice(seconds)) for first in dice.sample(firsts, PAIRS)]


def _never_died_at(moments: Iterable[str], died_at: Iterable[str]) -> list[str]:
    """Return the awaits at which not each kind of death was died: before, giving way (if it ever does), after."""
    kinds = _kinds(died_at)
    wanted = _kinds(moments)
    names = [name for path in crash_source.kernel_modules().values() for name in crash_source.awaits_of(path)]
    return sorted(
        name
        for name in names
        if not {("before", name), ("after", name)} <= kinds
        or (("gave way", name) in wanted and ("gave way", name) not in kinds)
    )


def _kinds(moments: Iterable[str]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for moment in moments:
        what, _, chain = moment.partition(AT)
        names = chain.split(THEN)
        if what.startswith("gave way"):
            found |= {("gave way", name) for name in names}
        else:
            found.add(("before" if what == "before" else "after", names[-1]))
    return found


def _batches(things: Iterable[T]) -> list[list[T]]:
    found = list(things)
    return [found[start : start + BATCH] for start in range(0, len(found), BATCH)]


async def _shared(lanes: list[Lane], things: Iterable[T], act: Callable[[Lane, T], Awaitable[None]]) -> None:
    """Do something about each thing, each lane taking the next one."""
    waiting = iter(list(things))

    async def work(lane: Lane) -> None:
        for thing in waiting:
            await act(lane, thing)

    async with asyncio.TaskGroup() as workers:
        for lane in lanes:
            workers.create_task(work(lane))


def _proof(found: Round, seconds: float) -> str:
    awaits = sum(len(crash_source.awaits_of(path)) for path in crash_source.kernel_modules().values())
    return (
        f"\nPROOF crashpoints awaits={awaits - len(NOT_ON_THE_WAY)} crashed_at={len(found.died_at)} "
        f"pairs={found.pairs} lost={found.lost} twice={found.twice} wrong={len(found.wrong)} "
        f"not_met={len(found.not_met)} seconds={seconds:.0f}"
    )
