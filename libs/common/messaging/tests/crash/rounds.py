"""Which deaths are died: at each await in each way, at a sample of all others, and twice in a row."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from libs.common.messaging.tests.crash.lanes import KILLED, Ending, Verdict, WarmProcess, Worlds
from libs.common.messaging.tests.crash.moments import AT, THEN
from libs.common.messaging.tests.crash.world import SCENARIOS, Job, Scenario

BATCH = 16
"""So many worlds, each left by a life of its own, are finished by one process: it saves a third of the time."""
LOOKS = 2
TRIES_MAX, AT_ONCE = 8, 8
"""An await whose moment was not met, for moments depend on timing, is sought in so many rounds, so often in each."""
SEED = 20_240_229
T = TypeVar("T")
Death = tuple[str, str]
"""Where a process dies (before, gave way, after), and the name of the await. After: it returned, or raised."""


@dataclass
class Round:
    """What has been found so far."""

    died_at: set[str] = field(default_factory=set)
    pairs: int = 0
    lost: int = 0
    twice: int = 0
    left_behind: int = 0
    wrong: list[str] = field(default_factory=list)

    def judged(self, how: str, verdict: Verdict) -> None:
        """Add what was found in one world."""
        self.lost += verdict.lost
        self.twice += verdict.twice
        self.left_behind += verdict.left_behind
        if verdict.wrong:
            self.wrong.append(f"{how}: {dict(verdict.wrong)}")


def deaths_of(moments: Iterable[str]) -> set[Death]:
    """Return what happened to which awaits: all around the innermost give way with it."""
    found: set[Death] = set()
    for moment in moments:
        what, _, chain = moment.partition(AT)
        names = chain.split(THEN)
        kind = "gave way" if what.startswith("gave way") else "after" if what == "raised" else what
        found |= {(kind, name) for name in (names if kind == "gave way" else names[-1:]) if name}
    return found


class CrashRounds:
    """Lives and deaths on a few lanes at a time."""

    def __init__(self, worlds: Worlds, lanes: Sequence[WarmProcess]) -> None:
        self._worlds = worlds
        self._lanes = lanes
        self._dice = random.Random(SEED)
        self.moments: dict[str, Scenario] = {}
        self.found = Round()

    async def look(self) -> None:
        """Let lives of each scenario end well, and keep the moments they passed; some depend on timing."""
        passed: dict[str, set[str]] = {scenario.name: set() for scenario in SCENARIOS}

        async def lived(lane: WarmProcess, scenario: Scenario) -> None:
            ending = await lane.live(await self._worlds.made(scenario, lane))
            assert ending.code == 0, scenario.name
            passed[scenario.name] |= set(ending.passed)

        await self._shared(SCENARIOS * LOOKS, lived)
        # The first scenario in which a moment is passed is the one to die in.
        self.moments = {moment: scenario for scenario in reversed(SCENARIOS) for moment in passed[scenario.name]}

    async def die_everywhere(self) -> None:
        """Die at each await in each way it was seen to go."""
        await self._die_at(self._one_for_each(deaths_of(self.moments)))
        for _ in range(TRIES_MAX):
            if not (missed := deaths_of(self.moments) - deaths_of(self.found.died_at)):
                return
            await self._die_at([moment for death in sorted(missed) for moment in self._some_for(death)])

    def _one_for_each(self, wanted: set[Death]) -> list[str]:
        """Return moments, as few as come to all these deaths in a shuffled order."""
        chosen: list[str] = []
        for moment in self._dice.sample(sorted(self.moments), len(self.moments)):
            deaths = deaths_of([moment])
            if deaths & wanted:
                wanted -= deaths
                chosen.append(moment)
        return chosen

    def _some_for(self, death: Death) -> list[str]:
        """Return moments at which this death may be died, the same one again where there is no other."""
        return self._dice.choices(
            [moment for moment in sorted(self.moments) if death in deaths_of([moment])], k=AT_ONCE
        )

    async def die_at_others(self, count: int) -> None:
        """Die at a sample of the moments not died at yet: the same awaits, come to in other ways."""
        rest = sorted(set(self.moments) - self.found.died_at)
        await self._die_at(self._dice.sample(rest, min(count, len(rest))))

    async def die_twice(self, count: int) -> None:
        """Die at one moment, and at another in the life that takes over."""
        # Alone with an event, a third death is the event's fault: not what is asked here.
        firsts = sorted(moment for moment, scenario in self.moments.items() if not scenario.before)
        seconds = sorted(moment for moment, scenario in self.moments.items() if scenario.name in ("plain", "inherited"))
        pairs = [(first, self._dice.choice(seconds)) for first in self._dice.sample(firsts, count)]
        await self._shared(_batches(pairs), self._die_twice)

    async def _die_at(self, moments: Sequence[str]) -> None:
        # Worlds that are finished together are of one scenario.
        in_order = sorted(moments, key=lambda moment: self.moments[moment].name)
        await self._shared(_batches(in_order), self._die_once)

    async def _die_once(self, lane: WarmProcess, moments: Sequence[str]) -> None:
        jobs = [await self._worlds.made(self.moments[moment], lane, moment) for moment in moments]
        for job in jobs:
            ending = await lane.live(job)
            self._check(job, ending)
            if ending.code == KILLED:
                self.found.died_at.add(ending.died_at)
        await self._finished(lane, {job: f"{job.scenario}, died at {job.die_at}" for job in jobs})

    async def _die_twice(self, lane: WarmProcess, pairs: Sequence[tuple[str, str]]) -> None:
        how: dict[Job, str] = {}
        for first, second in pairs:
            job = await self._worlds.made(self.moments[first], lane, first)
            endings = [await lane.live(job), await lane.live(job.healing(second))]
            for ending in endings:
                self._check(job, ending)
            self.found.pairs += all(ending.code == KILLED for ending in endings)
            how[job] = f"{job.scenario}, died at {first}, then at {second}"
        await self._finished(lane, how)

    def _check(self, job: Job, ending: Ending) -> None:
        """A life ends well or where it was told to end."""
        if ending.code not in (0, KILLED):
            self.found.wrong.append(f"{job.scenario}, meant to die at {job.die_at}: ended with {ending.code}")

    async def _finished(self, lane: WarmProcess, how: Mapping[Job, str]) -> None:
        last = await lane.live(*(job.healing() for job in how))
        for job, words in how.items():
            self.found.judged(words, await self._worlds.verdict(job, last))

    async def _shared(self, things: Iterable[T], act: Callable[[WarmProcess, T], Awaitable[None]]) -> None:
        """Do something about each thing, each lane taking the next one."""
        waiting = iter(list(things))

        async def work(lane: WarmProcess) -> None:
            for thing in waiting:
                await act(lane, thing)

        async with asyncio.TaskGroup() as workers:
            for lane in self._lanes:
                workers.create_task(work(lane))


def _batches(things: Sequence[T]) -> list[Sequence[T]]:
    return [things[start : start + BATCH] for start in range(0, len(things), BATCH)]
