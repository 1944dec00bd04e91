"""The loops of one consumer: read what can be started, acknowledge what is done, look after what was left behind.

| loop                | wakes on                                        | touches                        |
|---------------------|-------------------------------------------------|--------------------------------|
| _read_until_stopped | a new entry; while full, room                   | _running, _leads, _caught_up   |
| _flush_when_asked   | a run that ended with entries to acknowledge    | _done                          |
| _promote_when_due   | a parked entry that is due; a run that parked   | nothing: the stream alone      |
| _sweep              | time: entries of consumers that are gone        | _running, _isolated            |
| _audit              | time: entries of ours that we know nothing of   | _running                       |
| _run_isolated       | an entry that may have killed its worker        | _isolated, _running            |
| _refresh_paused     | time: what an operator or the limit said        | _paused                        |
| _trim               | time: what every group has acknowledged         | nothing: the stream alone      |

A run (`_run`) is a task beside them: it takes itself out of _running, adds to _done, and wakes the first three.
Seconds are in `ConsumerTiming`; `_leave` hands back what is left when all loops have stopped.
"""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from libs.common import metrics
from libs.common.errors import BrokerUnavailableError
from libs.common.heartbeat import ROUND_S, Heartbeat, State
from libs.common.log import get_logger
from libs.common.streams.dead_letters import dead_letter
from libs.common.streams.port import Channel, DeadLetterReason, Delivery, Outlet
from libs.common.waiting import cancel_and_wait, first_error, run_until_stopped, wait_within

ISOLATED_MAX = 3
"""An entry that was started alone this often and never finished is what killed its worker."""
DUE_SOON_S = 0.01
"""The shortest wait for a parked entry: one that is due by the server's clock and not yet by ours is no busy loop."""
BROKEN_GRACE_S = 2.0
"""So long a consumer that broke waits for what is running: its process is about to end."""


@dataclass(frozen=True)
class ConsumerTiming:
    """How a consumer paces itself (seconds, but for `concurrency`: runs at a time, and `batch`: entries in a run)."""

    # Steps wait for the network most of the time; the pool keeps sixteen connections for all consumers of a process.
    concurrency: int = 4
    # Only a step that records many at once gets more than one.
    batch: int = 1
    # The server holds a read open for so long: what arrives ends it, and `stop` is looked at between two.
    block_s: float = 1.0
    # Runs that end within two milliseconds are acknowledged by one call.
    flush_s: float = 0.002
    # A parked entry is late by no more than this when another process parked it; our own wake the loop.
    promote_s: float = 1.0
    # An operator who pauses a group waits so long at the most until it rests.
    pause_s: float = 1.0
    # Well below a lease's length (streams/lease.py): what a dead consumer held is late by the lease and not by this.
    sweep_s: float = 1.0
    audit_s: float = 2.0
    # Nobody waits for trimming, and each costs the server a scan of the groups.
    trim_s: float = 10.0
    # A group that is made within a day still finds the entries on the stream; older ones are in the archive.
    retention_s: float = 86_400.0
    # Short against an outage that anybody would notice, long enough that asking is no load on a server that restarts.
    down_s: float = 0.2
    # How late a follower notices that it may lead; the lease itself is longer.
    follow_s: float = 0.5
    # An isolated entry runs alone: it waits so long for what is running, and then runs beside whatever hangs.
    isolated_wait_s: float = 60.0
    # What is running at a stop may end within this; the rest is handed back to the group.
    grace_s: float = 10.0
    dice: random.Random = field(default_factory=random.Random)


class Handler(Protocol):
    """What is done about entries (libs/common/messaging/handling.py)."""

    async def handle(self, channel: Outlet, deliveries: Sequence[Delivery]) -> Collection[Delivery]:
        """Handle a run of entries to their end; return what to acknowledge (not what was parked or dead-lettered)."""

    async def dead_letter_poison(self, channel: Outlet, delivery: Delivery) -> None:
        """Dead-letter an entry that crashed its worker repeatedly."""


class Consumer:
    """Runs one group on one topic until it is told to stop (docs/adr/0001-streams-carry-postgresql-knows.md)."""

    def __init__(self, channel: Channel, handler: Handler, pace: ConsumerTiming | None = None) -> None:
        self._channel = channel
        self._handler = handler
        self._pace = pace or ConsumerTiming()
        self._labels = (channel.topic, channel.group)
        self._running: dict[Delivery, asyncio.Task[None]] = {}
        self._isolated: list[Delivery] = []
        self._done: set[Delivery] = set()
        self._done_at = 0.0
        self._leads, self._caught_up = False, not channel.ordered
        self._room, self._to_flush, self._to_promote = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._to_isolate, self._stopping = asyncio.Event(), asyncio.Event()
        self._broke: list[asyncio.Task[None]] = []
        self._heartbeat, self._state, self._paused = Heartbeat(), State.STARTING, ""

    @property
    def name(self) -> str:
        """The topic it reads."""
        return self._channel.topic

    def state(self) -> State:
        """Return what it is doing now."""
        if self._heartbeat.is_stalled:
            return State.STALLED
        return State.PAUSED if self._paused else self._state

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set; then finish or hand back what is running, within the grace.

        What breaks a loop, or a run of entries in a way that no handler may, ends all of them and is raised.
        """
        if not await self._opened(stop):
            return
        metrics.watch(self._labels, self.state)
        loops = [asyncio.create_task(loop) for loop in self._loops()]
        broken = await run_until_stopped(loops, stop, self._stop)
        await self._leave(self._pace.grace_s if broken is None else min(BROKEN_GRACE_S, self._pace.grace_s))
        if broken := broken or first_error(self._broke):
            raise broken

    def _loops(self) -> Sequence[Coroutine[None, None, None]]:
        return (
            self._every(self._pace.flush_s, self._flush_when_asked),
            self._every(0, self._promote_when_due),
            self._every(self._pace.sweep_s, self._sweep),
            self._every(self._pace.audit_s, self._audit),
            self._every(0, self._run_isolated),
            self._every(self._pace.pause_s, self._refresh_paused),
            self._every(self._pace.trim_s, self._trim),
            self._read_until_stopped(),
        )

    def _stop(self) -> None:
        for event in (self._stopping, self._room, self._to_flush, self._to_promote, self._to_isolate):
            event.set()

    async def _read_until_stopped(self) -> None:
        while not self._stopping.is_set():
            self._heartbeat.beat("read")
            if broken := first_error(self._broke):
                raise broken
            try:
                await self._read()
                self._state = State.RUNNING
            except BrokerUnavailableError:
                self._state = State.AWAY
                await asyncio.sleep(self._pace.down_s)

    async def _read(self) -> None:
        self._leads = await self._channel.lead()
        if self._stopping.is_set():
            return  # told so while asking: room might not be made any more
        if self._paused or not self._leads:
            self._caught_up = self._caught_up and self._leads
            await wait_within(self._stopping, self._pace.follow_s)
        elif self._free <= 0 or self._isolated:
            self._room.clear()
            await wait_within(self._room, ROUND_S)
        elif not self._caught_up:
            # What the leader before us was given comes first, or its order would be lost.
            self._caught_up = not await self._sweep()
        else:
            self._start(await self._reject_malformed(await self._channel.read(self._free, self._pace.block_s)))

    async def _reject_malformed(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Return what can be handled; the rest goes to the dead letters here, where it was read.

        Entries that cannot be dead-lettered now (limit reached, broker down) are found by the audit loop.
        """
        faulty = [(delivery, delivery.fault) for delivery in deliveries if delivery.fault]
        if not faulty:
            return deliveries
        with suppress(BrokerUnavailableError):
            for delivery, fault in faulty:
                if await self._channel.may_dead_letter():
                    await dead_letter(self._channel, delivery, DeadLetterReason(fault.why, "-"))
        return [delivery for delivery in deliveries if not delivery.fault]

    def _start(self, deliveries: Sequence[Delivery]) -> None:
        fresh = [delivery for delivery in deliveries if delivery not in self._running]
        for start in range(0, len(fresh), self._pace.batch):
            run = fresh[start : start + self._pace.batch]
            task = asyncio.create_task(self._run(run))
            task.add_done_callback(self._ended)
            self._running.update(dict.fromkeys(run, task))

    async def _run(self, run: Sequence[Delivery]) -> None:
        try:
            while True:
                try:
                    done = await self._handler.handle(self._channel, run)
                    break
                except BrokerUnavailableError:
                    # The effects, if any, are in the inbox; only telling the stream is left to do.
                    await asyncio.sleep(self._pace.down_s)
            if not self._done:
                self._done_at = time.perf_counter()
            self._done.update(done)
            (self._to_flush if done else self._to_promote).set()
        finally:
            for delivery in run:
                del self._running[delivery]
            self._room.set()

    def _ended(self, run: asyncio.Task[None]) -> None:
        if first_error([run]):
            self._broke.append(run)

    async def _flush_when_asked(self) -> None:
        if not await wait_within(self._to_flush, ROUND_S):
            return
        self._to_flush.clear()
        try:
            await self._flush()
        except BrokerUnavailableError:
            self._to_flush.set()
            raise

    async def _flush(self) -> None:
        batch = frozenset(self._done)
        if batch:
            await self._channel.ack(batch)
            self._done -= batch
            metrics.ACK_DELAY.labels(*self._labels).observe(time.perf_counter() - self._done_at)

    async def _promote_when_due(self) -> None:
        due_s = await self._channel.promote()
        soon_s = self._pace.promote_s if due_s is None else min(self._pace.promote_s, max(DUE_SOON_S, due_s))
        if await wait_within(self._to_promote, soon_s) and not self._stopping.is_set():
            self._to_promote.clear()

    async def _sweep(self) -> int:
        if not self._leads or self._paused:
            return 0
        swept = await self._channel.sweep(self._free)
        taken = await self._reject_malformed(swept)
        if taken:
            metrics.RECLAIMED.labels(*self._labels).inc(len(taken))
            get_logger().warning(
                "consumer.reclaimed", topic=self._channel.topic, group=self._channel.group, count=len(taken)
            )
            # Handed out before and not finished: perhaps one of them killed its worker. In order means one by one too.
            self._isolated += [delivery for delivery in taken if delivery.times > 1 or self._channel.ordered]
            self._start([delivery for delivery in taken if delivery not in self._isolated])
            self._to_isolate.set()
        return len(swept)

    async def _run_isolated(self) -> None:
        """Run isolated entries one by one with nothing else running, so that a poison message ends no other work."""
        if self._paused or not self._isolated:
            self._to_isolate.clear()
            await wait_within(self._to_isolate, ROUND_S)
        while self._isolated and not self._paused and not self._stopping.is_set():
            # Not for hours, since nothing is read meanwhile.
            await self._until_ended(set(self._running.values()), self._pace.isolated_wait_s)
            delivery = self._isolated[0]
            if await self._channel.mark_isolated(delivery) > ISOLATED_MAX:
                await self._handler.dead_letter_poison(self._channel, delivery)
            else:
                metrics.ISOLATED.labels(*self._labels).inc()
                self._start([delivery])
                await self._until_ended({self._running[delivery]}, math.inf)
                if broken := first_error(self._broke):
                    raise broken  # its mark stays: a later worker dead-letters an entry that broke each
            await self._channel.unmark(delivery)
            self._isolated.remove(delivery)
        self._room.set()

    async def _until_ended(self, runs: set[asyncio.Task[None]], within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while runs and (left_s := deadline - time.monotonic()) > 0:
            self._heartbeat.beat(self._run_isolated.__name__)
            _, runs = await asyncio.wait(runs, timeout=min(ROUND_S, left_s))

    async def _refresh_paused(self) -> None:
        before, self._paused = self._paused, await self._channel.paused()
        if self._paused != before:
            topic, group = self._labels
            event = "consumer.paused" if self._paused else "consumer.resumed"
            get_logger().error(event, topic=topic, group=group, reason=self._paused or before)

    async def _audit(self) -> None:
        if self._paused:
            return
        known = {*self._running, *self._done, *self._isolated}
        found = await self._reject_malformed(await self._channel.audit(known, self._free))
        if found:
            metrics.AUDITED.labels(*self._labels).inc(len(found))
            self._start(found)

    @property
    def _free(self) -> int:
        """How many more entries there is room for: none is fetched that cannot be started."""
        return max(0, self._pace.concurrency * self._pace.batch - len(self._running) - len(self._isolated))

    async def _trim(self) -> None:
        await self._channel.trim(self._pace.retention_s)

    async def _every(self, seconds: float, act: Callable[[], Awaitable[object]]) -> None:
        while not self._stopping.is_set():
            self._heartbeat.beat(act.__name__)
            try:
                await act()
                pause = seconds * self._pace.dice.uniform(0.75, 1.25)
            except BrokerUnavailableError:
                pause = self._pace.down_s
            if pause:
                await wait_within(self._stopping, pause)

    async def _opened(self, stop: asyncio.Event) -> bool:
        while not stop.is_set():
            try:
                await self._channel.open()
                await self._refresh_paused()
            except BrokerUnavailableError:
                await wait_within(stop, self._pace.down_s)
            else:
                return True
        return False

    async def _leave(self, grace_s: float) -> None:
        tasks = set(self._running.values())
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        unfinished = [*self._running, *self._isolated]
        await cancel_and_wait(tasks)
        try:
            await self._flush()
            await self._channel.release(unfinished)
        except BrokerUnavailableError:
            get_logger().warning("consumer.release_failed", topic=self._channel.topic, group=self._channel.group)
        await self._channel.close()
