"""Where the benchmark touches the kernel's consumer: what a change of its interface changes here, and nowhere else."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from benchmarks.events.programs import marks
from libs.common.consumer import Pace
from libs.common.database import Transaction
from libs.common.events import Envelope, Event
from libs.common.steps import Step
from libs.common.streams import Channel, Delivery
from libs.common.tests.kernel_world import ThingCounted

WINDOW = 100
"""Events under way at a time in the drains: what the peers on asyncio are given too."""
_EFFECT = text("insert into effect (organization_id, thing_id, number) values (:organization_id, :thing_id, :number)")


def pace(concurrency: int) -> Pace:
    """Return a consumer's pace with room for so many events."""
    return Pace(concurrency=concurrency)


@dataclass
class NoOp:
    """Does nothing; leaves its marks `every` so many events, so that marking costs next to nothing."""

    every: int = 1
    waiting: int = 0

    async def handle(self, _channel: Channel, _delivery: Delivery) -> bool:
        """Count, and have it acknowledged."""
        self.waiting += 1
        if self.waiting >= self.every:
            marks.leave(0, self.waiting)
            self.waiting = 0
        return True


class Hold:
    """Marks that it has begun and never ends: what a kill interrupts."""

    async def handle(self, _channel: Channel, _delivery: Delivery) -> bool:
        """Begin."""
        marks.leave()
        await asyncio.Event().wait()
        return True


class Timed:
    """Marks when the event was sent and when it got here."""

    async def handle(self, _channel: Channel, delivery: Delivery) -> bool:
        """Look at the clock first."""
        marks.leave(int(Envelope.from_json(delivery.body).payload["sent_ns"]))
        return True


class Count(Step[ThingCounted, None]):
    """One row per event: the effect that must be there exactly once."""

    async def work(self, event: ThingCounted) -> None:
        """Nothing is slow here."""

    async def record(self, event: ThingCounted, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Write the row."""
        await tx.execute(_EFFECT, event.model_dump())
        marks.leave()
        return ()
