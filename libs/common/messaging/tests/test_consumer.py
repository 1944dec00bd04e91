"""The loops of a consumer, on memory and on a real stream: everything handled once, whoever leaves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from libs.common.messaging.consumer import Consumer, ConsumerTiming
from libs.common.messaging.tests.conftest import Streams
from libs.common.messaging.tests.depths import depth
from libs.common.streams.memory import MemoryChannel, MemoryStreams
from libs.common.streams.port import DeadLetterReason, Delivery, Outlet
from libs.devstack.conditions import let_pass, until, until_seen

QUICK = ConsumerTiming(
    concurrency=4, block_s=0.05, sweep_s=0.05, audit_s=0.1, promote_s=0.02, grace_s=0.2, follow_s=0.02, pause_s=0.02
)

ASKING_S = 0.05


@dataclass
class Remembering:
    """Handles by remembering, once `go` is set."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    seen: list[str] = field(default_factory=list)
    running: int = 0
    most_running: int = 0

    poison: list[str] = field(default_factory=list)

    async def handle(self, channel: Outlet, deliveries: Sequence[Delivery]) -> Collection[Delivery]:
        assert channel.group
        self.running += len(deliveries)
        self.most_running = max(self.most_running, self.running)
        await self.go.wait()
        self.running -= len(deliveries)
        self.seen += [delivery.body for delivery in deliveries]
        return deliveries

    async def dead_letter_poison(self, channel: Outlet, delivery: Delivery) -> None:
        self.poison.append(delivery.body)
        await channel.dead_letter(delivery, DeadLetterReason("poison", "-"))


@asynccontextmanager
async def running(consumer: Consumer) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    stop = asyncio.Event()
    task = asyncio.create_task(consumer.run(stop))

    async def stopped() -> None:
        stop.set()
        await task

    yield stopped
    await stopped()


async def test_every_entry_is_handled_once_and_acknowledged(streams: Streams, topic: str) -> None:
    bodies = [str(number) for number in range(50)]
    await streams.publisher().publish(topic, "", "1", bodies)
    handler = Remembering()
    handler.go.set()
    channel = streams.channel(topic, "g")

    async with running(Consumer(channel, handler, QUICK)) as stopped:
        await until(lambda: len(handler.seen) == len(bodies))
        await stopped()

    assert sorted(handler.seen) == sorted(bodies)
    assert (await depth(channel)).pending == 0


async def test_no_more_entries_run_at_a_time_than_there_is_room_for(streams: Streams, topic: str) -> None:
    await streams.publisher().publish(topic, "", "1", [str(number) for number in range(20)])
    handler = Remembering()

    async with running(Consumer(streams.channel(topic, "g"), handler, QUICK)):
        await until(lambda: handler.running == QUICK.concurrency)
        await let_pass(0.1, "one more than there is room for would be running by then")
        handler.go.set()
        await until(lambda: len(handler.seen) == 20)

    assert handler.most_running == QUICK.concurrency


async def test_what_a_leaving_consumer_could_not_finish_is_done_by_the_next(streams: Streams, topic: str) -> None:
    await streams.publisher().publish(topic, "", "1", ["a"])
    stuck, prompt = Remembering(), Remembering()
    prompt.go.set()

    async with running(Consumer(streams.channel(topic, "g"), stuck, QUICK)):
        await until(lambda: stuck.running == 1)
    async with running(Consumer(streams.channel(topic, "g"), prompt, QUICK)):
        await until(lambda: prompt.seen == ["a"])

    assert stuck.seen == []


async def test_a_consumer_that_stops_lets_what_is_running_finish_within_its_grace(streams: Streams, topic: str) -> None:
    await streams.publisher().publish(topic, "", "1", ["a"])
    handler = Remembering()
    channel = streams.channel(topic, "g")

    async with running(Consumer(channel, handler, QUICK)) as stopped:
        await until(lambda: handler.running == 1)
        asyncio.get_running_loop().call_later(0.05, handler.go.set)
        await stopped()

    assert handler.seen == ["a"]
    assert (await depth(channel)).pending == 0


async def _killed_while_handling(streams: Streams, topic: str, bodies: int) -> None:
    """A consumer takes entries as it would and is gone without a word, as after kill -9."""
    channel = streams.channel(topic, "g")
    await channel.open()
    taken = [*await channel.read(bodies, 0), *await channel.sweep(bodies)]
    assert len(taken) == bodies
    for delivery in taken:
        if delivery.times > 1:
            await channel.mark_isolated(delivery)
    await channel.close()


async def test_entries_of_a_killed_worker_run_alone_and_the_innocent_ones_are_done(
    streams: Streams, topic: str
) -> None:
    await streams.publisher().publish(topic, "", "1", ["a", "b", "c"])
    await _killed_while_handling(streams, topic, 3)
    handler = Remembering()
    handler.go.set()

    async with running(Consumer(streams.channel(topic, "g"), handler, QUICK)):
        await until(lambda: len(handler.seen) == 3)

    assert (sorted(handler.seen), handler.most_running) == (["a", "b", "c"], 1)


async def test_an_entry_that_killed_its_worker_three_times_alone_is_dead_lettered(streams: Streams, topic: str) -> None:
    await streams.publisher().publish(topic, "", "1", ["poison"])
    for _ in range(4):
        await _killed_while_handling(streams, topic, 1)
    handler = Remembering()
    handler.go.set()
    channel = streams.channel(topic, "g")

    async with running(Consumer(channel, handler, QUICK)):

        async def is_dead_lettered() -> bool:
            return (await depth(channel)).dead > 0

        await until_seen(is_dead_lettered)

    assert (handler.seen, handler.poison) == ([], ["poison"])


class StoppedMeanwhile(MemoryChannel):
    """Asks the server who leads, as an ordered topic does, and is told to stop while it waits with all room taken."""

    def __init__(self, streams: MemoryStreams, topic: str) -> None:
        super().__init__(streams, topic, "g", ordered=True)
        self.stop = asyncio.Event()

    async def lead(self) -> bool:
        if (await depth(self)).pending == QUICK.concurrency:
            self.stop.set()
            await asyncio.sleep(ASKING_S)
        return await super().lead()


async def test_a_consumer_told_to_stop_while_it_asks_who_leads_stops(topic: str) -> None:
    streams, stuck = MemoryStreams(), Remembering()
    await streams.publisher().publish(topic, "", "1", [str(number) for number in range(QUICK.concurrency)])
    channel = StoppedMeanwhile(streams, topic)

    async with asyncio.timeout(5):
        await Consumer(channel, stuck, QUICK).run(channel.stop)

    assert stuck.seen == []
