"""A group that dead-letters too much stops, and says so, instead of dead-lettering a whole topic; then it goes on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from libs.common.heartbeat import State
from libs.common.messaging.consumer import Consumer
from libs.common.messaging.tests.conftest import Closing, Streams
from libs.common.messaging.tests.depths import depth
from libs.common.messaging.tests.test_consumer import QUICK, running
from libs.common.messaging.tests.test_poison import add
from libs.common.streams.admin import GroupStream, StreamAdmin
from libs.common.streams.memory import MemoryStreams
from libs.common.streams.port import Channel, DeadLetterLimit, DeadLetterReason, Delivery, Outlet
from libs.common.streams.redis_streams import RedisStreams
from libs.devstack.conditions import let_pass, until
from libs.devstack.infra import Infra

COUNT = DeadLetterLimit(count=3, a_minute=100)
RATE = DeadLetterLimit(count=100, a_minute=3)
LIMITS = {"count": COUNT, "rate": RATE}
Resume = Callable[[str], Awaitable[None]]


@dataclass
class World:
    """Streams with a limit of three dead letters, and an operator."""

    streams: Streams
    resume: Resume
    why: str


@pytest.fixture(params=[(kind, why) for kind in ("memory", "valkey") for why in LIMITS], ids="-".join)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    kind, why = request.param
    if kind == "memory":
        memory = MemoryStreams(limit=LIMITS[why])

        async def resume_memory(topic: str) -> None:
            memory.resume(topic, "g")

        yield World(memory, resume_memory, why)
        return
    infra: Infra = request.getfixturevalue("infra")
    real, admin = RedisStreams(infra.redis_url, limit=LIMITS[why]), StreamAdmin(infra.redis_url)

    async def resume_real(topic: str) -> None:
        await let_pass(0.01, "what was dead in the very millisecond of the resumption would be counted again")
        assert await admin.resume(GroupStream(topic, "g"))

    yield World(real, resume_real, why)
    await admin.close()
    await real.close()


async def _dead(channel: Channel, most: int) -> int:
    """Dead-letter what is given, as far as that may be."""
    given = await channel.read(most, 0)
    dead = 0
    for delivery in given:
        if await channel.may_dead_letter():
            dead += await channel.dead_letter(delivery, DeadLetterReason("internal", "-"))
    return dead


async def test_a_group_may_dead_letter_so_much_and_is_paused_by_the_next(
    world: World, topic: str, closing: Closing
) -> None:
    await world.streams.publisher().publish(topic, "", "1", [str(number) for number in range(10)])
    channel, other = world.streams.channel(topic, "g"), world.streams.channel(topic, "h")
    closing(channel, other)
    await channel.open()
    await other.open()

    dead = await _dead(channel, 10)

    assert (dead, await channel.paused(), (await depth(channel)).pending) == (3, world.why, 7)
    assert (await other.paused(), await other.may_dead_letter()) == ("", True)


async def test_a_resumed_group_may_dead_letter_as_much_again(world: World, topic: str, closing: Closing) -> None:
    await world.streams.publisher().publish(topic, "", "1", [str(number) for number in range(10)])
    channel = world.streams.channel(topic, "g")
    closing(channel)
    await channel.open()
    await _dead(channel, 4)
    await world.resume(topic)
    resumed = await channel.paused()

    dead = await _dead(channel, 6)

    assert (resumed, dead, await channel.paused()) == ("", 3, world.why)


@dataclass
class Careful:
    """Handles what it can and dead-letters the rest, as far as it may."""

    bad: bool = True
    done: list[str] = field(default_factory=list)

    async def handle(self, channel: Outlet, deliveries: Sequence[Delivery]) -> Collection[Delivery]:
        if not self.bad:
            self.done += [delivery.body for delivery in deliveries]
            return deliveries
        for delivery in deliveries:
            if await channel.may_dead_letter():
                await channel.dead_letter(delivery, DeadLetterReason("internal", "-"))
            else:
                await channel.park(delivery, 0.01, delivery.attempt)
        return ()

    async def dead_letter_poison(self, channel: Outlet, delivery: Delivery) -> None:
        raise AssertionError((channel, delivery))


async def test_a_bad_deployment_pauses_its_group_and_the_next_one_does_what_is_left(world: World, topic: str) -> None:
    bodies = [str(number) for number in range(30)]
    await world.streams.publisher().publish(topic, "", "1", bodies)
    handler = Careful()
    channel = world.streams.channel(topic, "g")
    consumer = Consumer(channel, handler, QUICK)

    async with running(consumer) as stopped:
        await until(lambda: consumer.state() is State.PAUSED)
        left = await depth(channel)
        handler.bad = False
        await let_pass(0.3, "a consumer that went on while it is paused would handle something by then")
        idle = list(handler.done)
        await world.resume(topic)
        await until(lambda: len(handler.done) >= len(bodies) - left.dead)
        state = consumer.state()
        await stopped()

    # Those that are being handled at the same moment may be too many by themselves.
    assert 3 <= left.dead < 3 + QUICK.concurrency
    assert state is State.RUNNING
    assert len(idle) < len(bodies) - left.dead - QUICK.concurrency
    assert len(set(handler.done)) == len(bodies) - left.dead


async def test_entries_that_are_none_are_counted_too_and_wait_for_an_operator(world: World, topic: str) -> None:
    channel = world.streams.channel(topic, "g")
    for _ in range(8):
        await add(world.streams, topic, {b"x": b"1"})
    consumer = Consumer(channel, Careful(), QUICK)

    async with running(consumer) as stopped:
        await until(lambda: consumer.state() is State.PAUSED)
        first = await depth(channel)
        await stopped()

    assert first.dead == 3
    assert (first.dead + first.pending + first.lag) == 8


async def test_a_worker_that_starts_while_its_group_is_paused_reads_nothing(
    infra: Infra, topic: str, closing: Closing
) -> None:
    real, admin = RedisStreams(infra.redis_url), StreamAdmin(infra.redis_url)
    closing(real, admin)
    await real.publisher().publish(topic, "", "1", ["a"])
    first = await admin.pause(GroupStream(topic, "g"))
    handler = Careful(bad=False)

    async with running(Consumer(real.channel(topic, "g"), handler, QUICK)) as stopped:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.4):
                await until(lambda: bool(handler.done))
        await stopped()

    assert (first, handler.done, await admin.pause(GroupStream(topic, "g"))) == (True, [], False)
