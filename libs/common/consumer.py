"""The loops of one consumer: read what can be started, acknowledge what is done, look after what was left behind."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from libs.common.log import get_logger
from libs.common.metrics import AUDITED, DEAD, DEAD_LETTERS, LAG, PARKED, PENDING, RECLAIMED
from libs.common.streams import Channel, DeadLetter, Delivery, StreamDownError

ALONE_MAX = 2
"""An entry that was started alone this often and never finished is what killed its worker."""


@dataclass(frozen=True)
class Pace:
    """How a consumer paces itself (seconds, but for `concurrency`: events run at a time)."""

    concurrency: int = 4
    block_s: float = 1.0
    flush_s: float = 0.002
    promote_s: float = 0.1
    sweep_s: float = 1.0
    audit_s: float = 2.0
    alone_s: float = 0.05
    measure_s: float = 5.0
    trim_s: float = 10.0
    retention_s: float = 86_400.0
    down_s: float = 0.2
    grace_s: float = 10.0
    dice: random.Random = field(default_factory=random.Random)


class Handler(Protocol):
    """What is done about one entry (libs/common/handling.py)."""

    async def handle(self, channel: Channel, delivery: Delivery) -> bool:
        """Handle to the end; True when the entry is to be acknowledged."""


class Consumer:
    """Runs one group on one topic until it is told to stop (EVENTS.md section 4)."""

    def __init__(self, channel: Channel, handling: Handler, pace: Pace | None = None) -> None:
        self._channel = channel
        self._handling = handling
        self._pace = pace or Pace()
        self._running: dict[Delivery, asyncio.Task[None]] = {}
        self._suspects: list[Delivery] = []
        self._done: set[Delivery] = set()
        self._room = asyncio.Event()
        self._to_flush = asyncio.Event()
        self._stopping = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set; then finish or hand back what is running, within the grace."""
        await self._until_it_works(self._channel.open)
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._every(self._pace.flush_s, self._flush_when_asked))
            loops.create_task(self._every(self._pace.promote_s, self._promote))
            loops.create_task(self._every(self._pace.sweep_s, self._sweep))
            loops.create_task(self._every(self._pace.audit_s, self._audit))
            loops.create_task(self._every(self._pace.alone_s, self._run_suspects))
            loops.create_task(self._every(self._pace.measure_s, self._measure))
            loops.create_task(self._every(self._pace.trim_s, self._trim))
            reading = loops.create_task(self._read_until_stopped())
            await stop.wait()
            self._stopping.set()
            self._room.set()
            self._to_flush.set()
            await reading
        await self._leave()

    async def _read_until_stopped(self) -> None:
        while not self._stopping.is_set():
            room = self._pace.concurrency - len(self._running)
            if room <= 0 or self._suspects:
                self._room.clear()
                await self._room.wait()
                continue
            try:
                self._start(await self._channel.read(room, self._pace.block_s))
            except StreamDownError:
                await asyncio.sleep(self._pace.down_s)

    def _start(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            if delivery not in self._running:
                self._running[delivery] = asyncio.create_task(self._run(delivery))

    async def _run(self, delivery: Delivery) -> None:
        try:
            while True:
                try:
                    if await self._handling.handle(self._channel, delivery):
                        self._done.add(delivery)
                        self._to_flush.set()
                    return
                except StreamDownError:
                    # The effect, if any, is in the inbox; only telling the stream is left to do.
                    await asyncio.sleep(self._pace.down_s)
        finally:
            del self._running[delivery]
            self._room.set()

    async def _flush_when_asked(self) -> None:
        await self._to_flush.wait()
        self._to_flush.clear()
        try:
            await self._flush()
        except StreamDownError:
            self._to_flush.set()
            raise

    async def _flush(self) -> None:
        batch = frozenset(self._done)
        if batch:
            await self._channel.ack(batch)
            self._done -= batch

    async def _promote(self) -> None:
        await self._channel.promote()

    async def _sweep(self) -> None:
        taken = await self._channel.sweep(self._free)
        if taken:
            RECLAIMED.labels(self._channel.topic, self._channel.group).inc(len(taken))
            get_logger().warning(
                "consumer.reclaimed", topic=self._channel.topic, group=self._channel.group, count=len(taken)
            )
            # Handed out before and not finished: perhaps one of them killed its worker.
            self._suspects += [delivery for delivery in taken if delivery.times > 1]
            self._start([delivery for delivery in taken if delivery.times <= 1])

    async def _run_suspects(self) -> None:
        """Run suspects one by one with nothing else running, so that a killer takes no innocent along."""
        while self._suspects and not self._running and not self._stopping.is_set():
            delivery = self._suspects[0]
            if await self._channel.mark_alone(delivery) > ALONE_MAX:
                DEAD.labels(self._channel.topic, self._channel.group).inc()
                await self._channel.bury(delivery, DeadLetter("killed-its-worker", "-"))
            else:
                self._start([delivery])
                await asyncio.wait([self._running[delivery]])
                await self._channel.unmark(delivery)
            self._suspects.remove(delivery)
        self._room.set()

    async def _audit(self) -> None:
        known = {*self._running, *self._done, *self._suspects}
        found = await self._channel.audit(known, self._free)
        if found:
            AUDITED.labels(self._channel.topic, self._channel.group).inc(len(found))
            self._start(found)

    @property
    def _free(self) -> int:
        return max(0, self._pace.concurrency - len(self._running) - len(self._suspects))

    async def _trim(self) -> None:
        await self._channel.trim(self._pace.retention_s)

    async def _measure(self) -> None:
        depth = await self._channel.depth()
        for gauge, value in (
            (LAG, depth.lag),
            (PENDING, depth.pending),
            (PARKED, depth.parked),
            (DEAD_LETTERS, depth.dead),
        ):
            gauge.labels(self._channel.topic, self._channel.group).set(value)

    async def _every(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        while not self._stopping.is_set():
            try:
                await act()
                pause = seconds * self._pace.dice.uniform(0.75, 1.25)
            except StreamDownError:
                pause = self._pace.down_s
            await self._stopped_within(pause)

    async def _stopped_within(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _until_it_works(self, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await act()
            except StreamDownError:
                await asyncio.sleep(self._pace.down_s)

    async def _leave(self) -> None:
        if self._running:
            await asyncio.wait(list(self._running.values()), timeout=self._pace.grace_s)
        tasks = list(self._running.values())
        unfinished = [*self._running, *self._suspects]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            await self._flush()
            await self._channel.release(unfinished)
        except StreamDownError:
            get_logger().warning("consumer.left_unheard", topic=self._channel.topic, group=self._channel.group)
        await self._channel.close()
