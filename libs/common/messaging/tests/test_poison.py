"""What is no event stops nobody: it is dead where it is read, by id, size and reason, and the rest goes on."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, NoReturn, cast

import pytest
from redis.asyncio import Redis

from libs.common.clock import utc_now
from libs.common.events import Envelope, UnreadableError
from libs.common.ids import new_id
from libs.common.messaging.consumer import ISOLATED_MAX, Consumer
from libs.common.messaging.tests.conftest import Closing, Streams
from libs.common.messaging.tests.depths import depth
from libs.common.messaging.tests.poison import PARKED, Fields, entry_shapes, retry_shapes
from libs.common.messaging.tests.test_consumer import QUICK, Remembering, running
from libs.common.streams import entries
from libs.common.streams.memory import MemoryChannel, MemoryStreams
from libs.common.streams.port import Channel, Delivery, Outlet
from libs.common.streams.redis_streams import RedisStreams
from libs.devstack.conditions import until
from libs.devstack.infra import Infra

GOOD = Envelope(new_id(), "thing.counted", 1, "thing", "k", utc_now(), {"number": 1}, {"capability": "c"})
SHAPES = entry_shapes(GOOD)
ENTRIES = {name: shape for name, shape in SHAPES.items() if shape[1] in entries.FAULTS}
BODIES = {name: shape for name, shape in SHAPES.items() if shape[1] not in entries.FAULTS}


async def add(streams: Streams, topic: str, fields: Fields) -> None:
    """Write an entry past the publisher, as somebody else would."""
    if isinstance(streams, MemoryStreams):
        texts = {_text(name): _text(value) for name, value in fields.items()}
        streams.entries.setdefault(topic, []).append(texts)
        streams.arrived.set()
        return
    async with Redis.from_url(streams._url) as redis:
        await redis.xadd(f"{{{topic}}}:s", cast(Any, fields))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


async def dead_letters(url: str, topic: str) -> list[Mapping[bytes, bytes]]:
    async with Redis.from_url(url) as redis:
        found: Any = await redis.xrange(f"{{{topic}}}:dlq:g")
        return [fields for _, fields in found]


async def opened(streams: Streams, topic: str) -> Channel:
    channel = streams.channel(topic, "g")
    await channel.open()
    return channel


@pytest.mark.parametrize("shape", ENTRIES)
async def test_an_entry_that_is_none_is_read_with_its_fault_and_its_size(
    streams: Streams, topic: str, shape: str, closing: Closing
) -> None:
    fields, why = ENTRIES[shape]
    await add(streams, topic, fields)
    channel = await opened(streams, topic)
    closing(channel)

    (delivery,) = await channel.read(10, 0)

    assert delivery.fault is not None
    assert (delivery.fault.why, delivery.fault.size_bytes >= len(fields.get(b"d", b""))) == (why, True)
    assert len(delivery.body) <= entries.ENTRY_SIZE_MAX


@pytest.mark.parametrize("shape", ENTRIES)
async def test_taken_over_from_the_dead_it_has_the_same_fault(
    streams: Streams, topic: str, shape: str, closing: Closing
) -> None:
    fields, why = ENTRIES[shape]
    await add(streams, topic, fields)
    gone, staying = await opened(streams, topic), await opened(streams, topic)
    closing(staying)
    await gone.read(10, 0)
    await gone.close()

    (delivery,) = await staying.sweep(10)

    assert delivery.fault is not None
    assert (delivery.fault.why, len(delivery.body) <= entries.ENTRY_SIZE_MAX) == (why, True)


@pytest.mark.parametrize("shape", ["no d", "not UTF-8", "large"])
async def test_found_by_the_audit_it_has_the_same_fault(infra: Infra, topic: str, shape: str, closing: Closing) -> None:
    real = RedisStreams(infra.redis_url)
    closing(real)
    await add(real, topic, ENTRIES[shape][0])
    channel = await opened(real, topic)
    closing(channel)
    (given,) = await channel.read(10, 0)
    async with Redis.from_url(infra.redis_url) as redis:
        await redis.xclaim(f"{{{topic}}}:s", "g", channel.consumer, 0, [given.entry_id], idle=60_000, justid=True)

    (delivery,) = await channel.audit((), 10)

    assert delivery.fault is not None
    assert delivery.fault.why == ENTRIES[shape][1]


@pytest.mark.parametrize("shape", retry_shapes(GOOD))
async def test_a_retry_with_fields_nobody_can_read_has_a_fault(
    infra: Infra, topic: str, shape: str, closing: Closing
) -> None:
    real = RedisStreams(infra.redis_url)
    closing(real)
    channel = await opened(real, topic)
    closing(channel)
    async with Redis.from_url(infra.redis_url) as redis:
        await redis.xadd(f"{{{topic}}}:r:g", cast(Any, retry_shapes(GOOD)[shape][0]))

    (delivery,) = await channel.read(10, 0)

    assert delivery.fault is not None
    assert delivery.fault.why == entries.BAD_FIELD


@pytest.mark.parametrize("shape", PARKED)
async def test_a_parked_entry_nobody_can_read_becomes_a_dead_letter_and_the_others_come_back(
    infra: Infra, topic: str, shape: str, closing: Closing
) -> None:
    real = RedisStreams(infra.redis_url)
    closing(real)
    await real.publisher().publish(topic, "", "1", ["good"])
    channel = await opened(real, topic)
    closing(channel)
    (given,) = await channel.read(10, 0)
    async with Redis.from_url(infra.redis_url) as redis:
        await redis.zadd(f"{{{topic}}}:z:g", {"a:token": 0})
        if (value := PARKED[shape]) is not None:
            await redis.hset(f"{{{topic}}}:zp:g", "a:token", value)
    await channel.park(given, 0, 2)

    assert await channel.promote() is None

    assert [(again.body, again.attempt) for again in await channel.read(10, 0)] == [("good", 2)]
    assert [entry[b"_why"] for entry in await dead_letters(infra.redis_url, topic)] == [entries.BAD_FIELD.encode()]


@pytest.mark.parametrize("shape", BODIES)
def test_a_body_that_is_no_event_is_unreadable_whatever_it_is(shape: str) -> None:
    body = BODIES[shape][0][b"d"]

    with pytest.raises(UnreadableError) as refused:
        Envelope.from_json(body.decode())

    assert refused.value.why == BODIES[shape][1]


async def test_a_consumer_puts_all_of_it_among_the_dead_and_does_the_rest(streams: Streams, topic: str) -> None:
    await streams.publisher().publish(topic, "", "1", ["before"])
    for fields, _ in ENTRIES.values():
        await add(streams, topic, fields)
    await streams.publisher().publish(topic, "1", "2", ["after"])
    handler = Remembering()
    handler.go.set()
    channel = streams.channel(topic, "g")

    async with running(Consumer(channel, handler, QUICK)) as stopped:
        await until(lambda: len(handler.seen) == 2)
        await stopped()

    left = await depth(channel)

    assert (sorted(handler.seen), left.dead, left.pending) == (["after", "before"], len(ENTRIES), 0)


async def test_a_dead_letter_says_which_how_large_and_why_and_keeps_of_the_body_what_is_small(
    infra: Infra, topic: str, closing: Closing
) -> None:
    real = RedisStreams(infra.redis_url)
    closing(real)
    await add(real, topic, SHAPES["not UTF-8"][0])
    await add(real, topic, SHAPES["large"][0])
    handler = Remembering()

    async with running(Consumer(real.channel(topic, "g"), handler, QUICK)) as stopped:
        async with Redis.from_url(infra.redis_url) as redis:
            while await redis.xlen(f"{{{topic}}}:dlq:g") < 2:
                await redis.ping()
        await stopped()

    small, large = await dead_letters(infra.redis_url, topic)

    assert (small[b"_why"], small[b"d"]) == (entries.NOT_UTF8.encode(), SHAPES["not UTF-8"][0][b"d"])
    assert (large[b"_why"], b"d" in large) == (entries.TOO_LARGE.encode(), False)
    assert int(large[b"_size"]) > 20_000_000


@dataclass
class Unforeseen(Remembering):
    """A handler that breaks in a way no handler may, at one body."""

    async def handle(self, channel: Outlet, deliveries: Sequence[Delivery]) -> Collection[Delivery]:
        if any(delivery.body == "breaks" for delivery in deliveries):
            raise LookupError
        return await super().handle(channel, deliveries)


async def test_what_breaks_a_consumer_ends_it_at_once_and_a_later_one_gets_past_it(
    streams: Streams, topic: str
) -> None:
    await streams.publisher().publish(topic, "", "1", ["breaks", "good"])
    handler, broken = Unforeseen(), 0
    handler.go.set()

    async with asyncio.timeout(60):
        while not handler.poison:
            broken += await _breaks(Consumer(streams.channel(topic, "g"), handler, QUICK), handler)

    assert (handler.poison, handler.seen, broken) == (["breaks"], ["good"], 1 + ISOLATED_MAX)


async def _breaks(consumer: Consumer, handler: Unforeseen) -> bool:
    """Run it until it ends by itself, within seconds, or has dead-lettered what breaks it."""
    stop = asyncio.Event()
    life = asyncio.create_task(consumer.run(stop))
    with suppress(TimeoutError):
        await until(lambda: life.done() or bool(handler.poison))
    assert life.done() or handler.poison
    stop.set()
    with suppress(LookupError):
        await life
        return False
    return True


class Broken(MemoryChannel):
    """A channel on which one call goes wrong in a way nobody foresaw."""

    def __init__(self, streams: MemoryStreams, topic: str, call: str) -> None:
        super().__init__(streams, topic, "g")
        self._call = call

    def __getattribute__(self, name: str) -> Any:
        if name != "_call" and name == super().__getattribute__("__dict__").get("_call"):
            return _unforeseen
        return super().__getattribute__(name)


async def _unforeseen(*_: object) -> NoReturn:
    raise LookupError


@pytest.mark.parametrize("call", ["lead", "read", "promote", "sweep", "audit", "paused", "trim", "ack"])
async def test_an_error_nobody_foresaw_in_any_loop_ends_the_consumer_with_it(topic: str, call: str) -> None:
    streams, handler = MemoryStreams(), Remembering()
    handler.go.set()
    await streams.publisher().publish(topic, "", "1", ["a"])
    pace = replace(QUICK, trim_s=0.05)

    with pytest.raises(LookupError):
        async with asyncio.timeout(5):
            await Consumer(Broken(streams, topic, call), handler, pace).run(asyncio.Event())
