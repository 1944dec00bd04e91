"""Moves facts from a service's outbox to the streams; any number may run, one wins each turn (EVENTS.md section 3)."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from libs.common.clock import Clock, utc_now
from libs.common.errors import AppError
from libs.common.log import get_logger
from libs.common.metrics import PUBLISH_CONFLICTS, PUBLISHED, UNPUBLISHED_AGE
from libs.common.outbox import Outbox
from libs.common.streams import Publisher, StreamDownError

IDLE_MIN_S = 0.02
IDLE_MAX_S = 0.2
DOWN_S = 0.2


class Relay:
    """One per process. `wake` shortens the wait after a commit of this process; polling is the guarantee."""

    def __init__(self, outbox: Outbox, publisher: Publisher, topics: Sequence[str], clock: Clock = utc_now) -> None:
        self._outbox = outbox
        self._publisher = publisher
        self._wakes = {topic: asyncio.Event() for topic in topics}
        self._clock = clock

    def wake(self) -> None:
        """Look at once: something was committed."""
        for wake in self._wakes.values():
            wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Move facts until `stop` is set."""
        async with asyncio.TaskGroup() as loops:
            for topic in self._wakes:
                loops.create_task(self._move(topic, stop))
            await stop.wait()
            self.wake()

    async def turn(self, topic: str) -> int:
        """Move one batch of a topic; return how many facts this relay moved."""
        # The cursor is read from the stream each time: only there does it live and die with the entries.
        cursor = await self._publisher.cursor(topic)
        rows = await self._outbox.after(topic, cursor)
        if not rows:
            UNPUBLISHED_AGE.labels(topic).set(0)
            return 0
        self._say_age(topic, rows[0].envelope.at)
        new = rows[-1].cursor
        if await self._publisher.publish(topic, cursor, new, [row.envelope.to_json() for row in rows]) != new:
            PUBLISH_CONFLICTS.labels(topic).inc()
            return 0
        PUBLISHED.labels(topic).inc(len(rows))
        return len(rows)

    async def _move(self, topic: str, stop: asyncio.Event) -> None:
        idle_s = IDLE_MIN_S
        while not stop.is_set():
            try:
                idle_s = IDLE_MIN_S if await self.turn(topic) else min(IDLE_MAX_S, idle_s * 2)
            except (StreamDownError, AppError):
                idle_s = DOWN_S
            if idle_s > IDLE_MIN_S and await self._woken(topic, idle_s):
                idle_s = IDLE_MIN_S

    async def _woken(self, topic: str, seconds: float) -> bool:
        wake = self._wakes[topic]
        try:
            async with asyncio.timeout(seconds):
                await wake.wait()
        except TimeoutError:
            return False
        wake.clear()
        return True

    def _say_age(self, topic: str, oldest: datetime) -> None:
        age_s = (self._clock() - oldest).total_seconds()
        UNPUBLISHED_AGE.labels(topic).set(age_s)
        if age_s > 30:
            get_logger().warning("relay.behind", topic=topic, duration_ms=round(age_s * 1000))
