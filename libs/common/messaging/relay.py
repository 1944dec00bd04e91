"""Moves facts from a service's outbox to the streams; any number may run, one wins each turn.

Why nothing is lost or sent twice: docs/adr/0001-streams-carry-postgresql-knows.md, "Why".
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from libs.common import metrics
from libs.common.clock import Clock, utc_now
from libs.common.errors import AppError, BrokerUnavailableError
from libs.common.heartbeat import Heartbeat, State
from libs.common.log import get_logger
from libs.common.messaging.outbox import Outbox, UnpublishedBatch
from libs.common.streams.port import HELD_BACK, Publisher
from libs.common.waiting import run_until_stopped, wait_within

# Without hints a quiet outbox is asked ever less often, down to four times a second.
IDLE_MIN_S = 0.02
IDLE_MAX_S = 0.25
# A stream or database that is away is asked again five times a second: facts wait for nothing longer than it does.
DOWN_S = 0.2
# Below the fifteen seconds at which metrics are commonly collected, so that none of them is read twice unchanged.
MEASURE_S = 5.0
# Partitions are made weeks ahead and dropped after months: an hour is often.
KEEP_S = 3600.0
# Far above the quarter of a second that a fact waits at the most: something holds it, and the log says so.
LATE_S = 30.0
WHYS = ("behind", "lost", "foreign")


@dataclass(frozen=True)
class Archive:
    """How the outbox is kept: for so long, and whether a stream that lost everything is filled from it by itself."""

    # A quarter: a consumer that was wrong for as long can still be replayed.
    retention_days: int = 90
    rebuild: bool = True


class Relay:
    """One per process. Hints of commits shorten the wait; polling is the guarantee."""

    def __init__(
        self,
        outbox: Outbox,
        publisher: Publisher,
        topics: Sequence[str],
        archive: Archive | None = None,
        *,
        clock: Clock = utc_now,
    ) -> None:
        self._outbox = outbox
        self._publisher = publisher
        self._topics = topics
        self._archive = archive or Archive()
        self._clock = clock
        self._woken = asyncio.Event()
        self._held: dict[str, str] = {}
        # The outbox has one connection, and three loops ask it.
        self._querying = asyncio.Lock()
        self._heartbeat, self._state = Heartbeat(), State.STARTING
        self.is_running = False

    @property
    def name(self) -> str:
        """What it is called beside the consumers of its process."""
        return "relay"

    def state(self) -> State:
        """Return what it is doing now."""
        return State.STALLED if self._heartbeat.is_stalled else self._state

    def wake(self) -> None:
        """Look at once: something was committed."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Move facts until `stop` is set."""
        self.is_running = True
        loops = (
            self._move(stop),
            self._every(MEASURE_S, self._measure, stop),
            self._every(KEEP_S, self._keep, stop),
            self._every(DOWN_S, self._listen, stop),
        )
        # Hints come for as long as the stream gives them: nothing but a cancellation ends that loop.
        *ending, listening = [asyncio.create_task(loop) for loop in loops]
        broken = await run_until_stopped(ending, stop, self.wake, endless=[listening])
        self.is_running = False
        if broken:
            raise broken

    async def turn(self) -> int:
        """Move one batch of each topic; return how many facts this relay moved."""
        # The cursors are read from the stream each time: only there do they live and die with the entries.
        cursors = await self._publisher.cursors(self._topics)
        async with self._querying:
            found = await self._outbox.after(cursors)
        metrics.RELAY_LOOKED_AT.set_to_current_time()
        return sum([await self._publish(behind) for behind in found])

    async def _publish(self, behind: UnpublishedBatch) -> int:
        topic = behind.topic
        self._heartbeat.beat("move")
        metrics.UNPUBLISHED.labels(topic).set(len(behind.bodies))
        age_s = (self._clock() - behind.oldest_at).total_seconds() if behind.oldest_at else 0.0
        metrics.UNPUBLISHED_AGE.labels(topic).set(age_s)
        # A cursor of another cluster, or of a future before a restore, says nothing about what went out of this one.
        why = "foreign" if behind.is_foreign else ""
        if not why and not behind.bodies:
            return 0
        if not why and not behind.cursor and not self._archive.rebuild:
            # The stream is new or has lost everything, and here an operator says which (`events rebuild`).
            why = "lost"
        if not why:
            moved = await self._publisher.publish(topic, behind.cursor, behind.new, behind.bodies)
            why = "behind" if moved == HELD_BACK else ""
        self._say(topic, why, age_s)
        if behind.too_large:
            get_logger().error("relay.event_too_large", topic=topic, count=behind.too_large)
        if why:
            return 0
        # Another relay moved the cursor first, with the same facts.
        if moved != behind.new:
            metrics.PUBLISH_CONFLICTS.labels(topic).inc()
            return 0
        metrics.COMMIT_TO_PUBLISH.labels(topic).observe(age_s)
        metrics.PUBLISHED.labels(topic).inc(len(behind.bodies))
        return len(behind.bodies)

    def _say(self, topic: str, why: str, age_s: float) -> None:
        # All of them each time: a reason that is over must go back to 0.
        for each in WHYS:
            metrics.RELAY_HELD.labels(topic, each).set(each == why)
        if why and self._held.get(topic) != why:
            get_logger().error("relay.backpressured", topic=topic, reason=why)
        self._held[topic] = why
        if age_s > LATE_S:
            get_logger().warning("relay.behind", topic=topic, duration_ms=round(age_s * 1000))

    async def _move(self, stop: asyncio.Event) -> None:
        idle_s = IDLE_MIN_S
        while not stop.is_set():
            self._heartbeat.beat("move")
            try:
                idle_s = 0 if await self.turn() else min(IDLE_MAX_S, max(IDLE_MIN_S, idle_s * 2))
                self._state = State.RUNNING
            except (BrokerUnavailableError, AppError):
                self._state, idle_s = State.AWAY, DOWN_S
            if idle_s and await wait_within(self._woken, idle_s):
                self._woken.clear()
                idle_s = 0

    async def _listen(self) -> None:
        """Take hints of other processes for as long as the stream gives them."""
        async for _ in self._publisher.hints(self._outbox.schema):
            self.wake()

    async def _measure(self) -> None:
        async with self._querying:
            metrics.OLDEST_WRITE.set(await self._outbox.oldest_write_s())

    async def _keep(self) -> None:
        cursors = (await self._publisher.cursors(self._topics)).values()
        # A partition may hold rows of every topic, so the one that is furthest behind decides.
        moved = min((int(cursor.split(":")[1]) if cursor else 0 for cursor in cursors), default=0)
        async with self._querying:
            made, dropped = await self._outbox.keep(self._archive.retention_days, moved)
        if made or dropped:
            get_logger().info(
                "archive.partitions_rotated", schema=self._outbox.schema, made_count=made, dropped_count=dropped
            )

    async def _every(self, seconds: float, act: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await act()
                pause = seconds
            except (BrokerUnavailableError, AppError):
                # What comes once an hour is not put off for an hour because a store was away.
                pause = min(seconds, MEASURE_S)
            await wait_within(stop, pause)
