"""Recurring work: done in bounded passes by every replica, at jittered times."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from libs.common.errors import AppError
from libs.common.log import get_logger

PASSES_MAX = 1000
"""What is left after so many is done at the next time: one pass must not keep a worker from stopping."""
JITTER_MIN, JITTER_MAX = 0.5, 1.5
"""Times the interval: replicas that were started together must not all act at once."""


@dataclass(frozen=True)
class Recurring:
    """Implements supervision.Worker. `act` does one bounded pass and returns how much it did; 0: nothing is left."""

    event: str
    act: Callable[[], Awaitable[int]]
    every_s: float

    async def run(self, stop: asyncio.Event) -> None:
        """Act now and then until `stop`; what fails is tried again at the next time."""
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self.every_s * random.uniform(JITTER_MIN, JITTER_MAX))  # noqa: S311
                return
            try:
                await self.round(stop)
            except AppError as error:
                get_logger().warning(f"{self.event}.failed", problem=error.problem.slug)

    async def round(self, stop: asyncio.Event) -> int:
        """Make passes until nothing is left."""
        total = 0
        for _ in range(PASSES_MAX):
            done = 0 if stop.is_set() else await self.act()
            total += done
            if not done:
                break
        if total:
            get_logger().info(self.event, count=total)
        return total
