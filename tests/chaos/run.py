"""One run: the faults and the workload side by side, then quiet, then the verdict."""

import asyncio
import random
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

from libs.devstack.stack import Stack
from tests.chaos import aftermath
from tests.chaos.aftermath import Violations
from tests.chaos.nemesis import Nemesis
from tests.chaos.plan import Kind, Size, deck
from tests.chaos.purchases import Purchases, purchases
from tests.chaos.recording_vendor import Books, Vendor
from tests.chaos.workload import Workload, open_organizations

TRIES_MAX = 4
LOOK_EVERY_S = 0.5
SHOWN = 5
REFUSED_FOR_GOOD = 402
SESSIONS_MIN, FAULTS_MIN, FLUSHALL_MIN = 300, 150, 10
"""What the promise speaks of: a run that did less proves nothing."""


@dataclass(frozen=True)
class World:
    """A running system of which every part may be harmed."""

    stack: Stack
    recognition: Vendor
    embedding: Vendor


@dataclass(frozen=True)
class Verdict:
    """What was done and what came of it."""

    violations: Violations
    purchases: Purchases
    nemesis: Nemesis
    sessions: int
    raged_s: float
    settled_s: float
    unnoticed: int

    def proof(self, seed: int, seconds: float) -> str:
        """Return the line that a log is searched for."""
        its, bought = self.violations, self.purchases
        kills = self._count(Kind.KILL) + self._count(Kind.KILL_SERVER)
        return (
            f"PROOF nemesis seed={seed} sessions={self.sessions} faults={len(self.nemesis.thrown)}"
            f" flushall={self._count(Kind.FLUSHALL)} kills={kills} lost={len(its.lost)}"
            f" duplicated={len(its.duplicated)} stuck={len(its.stuck)} unnoticed={self.unnoticed}"
            f" poison={self._count(Kind.POISON)} forbidden={len(its.forbidden)}"
            f" vendor_calls={bought.calls} allowed={bought.allowed} crashed={len(self.nemesis.crashes)}"
            f" raged_s={self.raged_s:.0f} settled_s={self.settled_s:.1f} seconds={seconds:.0f}"
        )

    def too_few(self) -> list[str]:
        """Return what there was less of than the promise speaks of."""
        seen = {
            "sessions": (self.sessions, SESSIONS_MIN),
            "faults": (len(self.nemesis.thrown), FAULTS_MIN),
            "flushall": (self._count(Kind.FLUSHALL), FLUSHALL_MIN),
        }
        return [f"{name}: {number} of {least}" for name, (number, least) in seen.items() if number < least]

    def _count(self, kind: Kind) -> int:
        return sum(1 for blow in self.nemesis.thrown if blow.kind is kind)


class Run:
    """The parts of one run, in the order in which they are called."""

    def __init__(self, world: World, size: Size, dice: random.Random) -> None:
        self._world = world
        self._size = size
        self._dice = dice
        self._admin_url, self._redis_url = world.stack.infra.admin_url, world.stack.infra.redis_url
        self._nemesis = Nemesis(world.stack, {"deepgram": world.recognition, "openai": world.embedding}, dice)
        self._workload = Workload((), dice)
        self._raged_s = self._settled_s = 0.0

    async def rage(self) -> None:
        """Throw every fault while recordings come in; then end all faults."""
        aftermath.watch_keeping(self._admin_url)
        self._workload = await open_organizations(self._world.stack, self._size.patients, self._dice)
        faults = deck(self._size, list(self._world.stack.processes), self._dice)
        began, stop = time.monotonic(), asyncio.Event()
        keeper = asyncio.create_task(self._nemesis.keep_alive(stop))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._nemesis.throw_all(faults, self._size.pace_s))
            tasks.create_task(self._workload.send(self._size.sessions, len(faults) * self._size.pace_s))
        await self._nemesis.heal()
        stop.set()
        await keeper
        self._raged_s = time.monotonic() - began

    async def settle(self) -> None:
        """Wait until nothing is on its way, no longer than allowed."""
        began = time.monotonic()
        while left := await asyncio.to_thread(aftermath.unsettled, self._admin_url, self._redis_url):
            self._settled_s = time.monotonic() - began
            if self._settled_s > self._size.settle_s:
                return
            # Shown when the test fails: who was waited for.
            sys.stdout.write(f"after {self._settled_s:.1f} s {len(left)} left: {'; '.join(left[:SHOWN])}\n")
            await asyncio.sleep(LOOK_EVERY_S)
        self._settled_s = time.monotonic() - began

    def verdict(self) -> Verdict:
        """Judge what is there now."""
        sounds = {upload.session_id: upload.heard for upload in self._workload.accepted if upload.session_id}
        books = self._world.recognition.books
        excused = ended_by_order(books, sounds)
        found = aftermath.judge(self._admin_url, self._redis_url, self._workload.uploads, excused)
        bought = purchases(books, sounds, self._nemesis.wounds, aftermath.kept_at(self._admin_url))
        found.duplicated += [f"bought too often: {story}" for story in bought.unearned]
        # What stands still in the end while every process says that it is well.
        unnoticed = len(found.stuck) if self._nemesis.is_well() else 0
        return Verdict(found, bought, self._nemesis, len(sounds), self._raged_s, self._settled_s, unnoticed)


def ended_by_order(books: Books, sounds: Mapping[str, str]) -> set[str]:
    """Return the sessions whose failure was ordered: a refusal for good, or a bad answer to each of the tries."""
    ended = set()
    for session, sound in sounds.items():
        faults = [call.fault for call in books.of_sound(sound) if call.failed_by_order and call.fault]
        if len(faults) >= TRIES_MAX or any(fault.status == REFUSED_FOR_GOOD for fault in faults):
            ended.add(session)
    return ended
