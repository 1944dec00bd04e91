"""Where the benchmark touches the kernel's consumer: what a change of its interface changes here, and nowhere else."""

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from benchmarks.events.programs import marks
from libs.common.database.transaction import Transaction
from libs.common.events import Envelope, Event
from libs.common.messaging.consumer import ConsumerTiming
from libs.common.messaging.steps import BatchStep, Step
from libs.common.streams.port import Delivery, Outlet
from libs.common.tests.kernel_world import ThingCounted

BATCH = 100
"""Entries in a run: what the bare loop and the peers that read by the batch are given at a time too."""
PACES = {
    "noop": ConsumerTiming(batch=BATCH),
    "hold": ConsumerTiming(concurrency=8),
    "finish": ConsumerTiming(concurrency=8),
    "timed": ConsumerTiming(concurrency=8),
    # As many transactions as the pool keeps connections for.
    "effects": ConsumerTiming(concurrency=8),
    "batches": ConsumerTiming(batch=BATCH),
}
_EFFECT = text("insert into effect (tenant_id, thing_id, number) values (:tenant_id, :thing_id, :number)")
_TALLY = text("insert into tally select * from unnest(cast(:things as uuid[]), cast(:numbers as int[]))")


@dataclass
class NoOp:
    """Does nothing, and says so."""

    async def handle(self, _channel: Outlet, deliveries: Sequence[Delivery]) -> Collection[Delivery]:
        """Count, and have them acknowledged."""
        marks.leave(0, len(deliveries))
        return deliveries

    async def dead_letter_poison(self, _channel: Outlet, delivery: Delivery) -> None:
        """Nobody kills these workers but the benchmark, and never twice."""
        raise AssertionError(f"{delivery.entry_id} is a poison message")


class Hold(NoOp):
    """Marks that it has begun and never ends: what a kill interrupts."""

    async def handle(self, channel: Outlet, deliveries: Sequence[Delivery]) -> Collection[Delivery]:
        """Begin."""
        await super().handle(channel, deliveries)
        await asyncio.Event().wait()
        return ()


class Timed(NoOp):
    """Marks when the event was sent and when it got here."""

    async def handle(self, _channel: Outlet, deliveries: Sequence[Delivery]) -> Collection[Delivery]:
        """Look at the clock first."""
        seen = time.monotonic_ns()
        for delivery in deliveries:
            marks.leave(int(Envelope.from_json(delivery.body).payload["sent_ns"]), seen_ns=seen)
        return deliveries


class Count(Step[ThingCounted, None]):
    """One row per event: the effect that must be there exactly once."""

    async def record(self, event: ThingCounted, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Write the row."""
        await tx.execute(_EFFECT, event.model_dump(by_alias=False))
        marks.leave()
        return ()


class Tally(BatchStep[ThingCounted]):
    """The same for many events in one transaction."""

    async def record_all(self, events: Sequence[ThingCounted], tx: Transaction) -> None:
        """Write all rows in one statement."""
        # As text, like the inbox: the driver would look at each element of a list of ids.
        things, numbers = ",".join(str(event.thing_id) for event in events), ",".join(str(e.number) for e in events)
        await tx.execute(_TALLY, {"things": f"{{{things}}}", "numbers": f"{{{numbers}}}"})
        marks.leave(0, len(events))
