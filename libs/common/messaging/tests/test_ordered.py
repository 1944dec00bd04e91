"""Order by key: on memory and on a real stream, with failures, and when the leader goes."""

import asyncio
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from libs.common.events import key_of
from libs.common.messaging.consumer import Consumer
from libs.common.messaging.ordered import KeyOrderedHandler
from libs.common.messaging.tests.conftest import Closing, Streams
from libs.common.messaging.tests.test_consumer import QUICK, running
from libs.common.streams.port import Delivery, Outlet
from libs.common.streams.redis_streams import RedisStreams
from libs.devstack.conditions import until
from libs.devstack.infra import Infra

FIRST_TAKES_S = 0.02


def _body(key: str, number: int) -> str:
    return json.dumps({"key": key, "number": number})


@dataclass
class Uneven:
    """Remembers what it handled; takes longest for the first of each key, and fails on some the first time."""

    fails_on: set[int] = field(default_factory=set)
    seen: list[tuple[str, int]] = field(default_factory=list)
    begun: int = 0
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, channel: Outlet, deliveries: Sequence[Delivery]) -> Collection[Delivery]:
        (delivery,) = deliveries
        fact = json.loads(delivery.body)
        self.begun += 1
        await self.go.wait()
        await asyncio.sleep(FIRST_TAKES_S if fact["number"] == 0 else 0)
        if fact["number"] in self.fails_on and delivery.attempt == 1:
            await channel.park(delivery, 0.05, 2)
            return []
        self.seen.append((fact["key"], fact["number"]))
        return deliveries

    async def dead_letter_poison(self, channel: Outlet, delivery: Delivery) -> None:
        raise AssertionError

    def numbers(self, key: str) -> list[int]:
        return [number for seen, number in self.seen if seen == key]


def _consumer(streams: Streams, topic: str, handler: Uneven) -> Consumer:
    return Consumer(streams.channel(topic, "g", ordered=True), KeyOrderedHandler(handler, key_of), QUICK)


async def test_a_failed_entry_keeps_the_later_ones_of_its_key_waiting_and_no_others(
    streams: Streams, topic: str
) -> None:
    await streams.publisher().publish(topic, "", "1", [_body(key, n) for n in range(5) for key in "ab"])
    handler = Uneven(fails_on={0, 2})
    handler.go.set()

    async with running(_consumer(streams, topic, handler)):
        await until(lambda: len(handler.seen) == 10)

    assert (handler.numbers("a"), handler.numbers("b")) == ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4])
    assert handler.seen[0][1] == 0


async def test_two_consumers_of_an_ordered_topic_take_turns_and_never_work_at_once(
    streams: Streams, topic: str
) -> None:
    await streams.publisher().publish(topic, "", "1", [_body("a", n) for n in range(6)])
    first, second = Uneven(), Uneven()
    for handler in (first, second):
        handler.go.set()

    async with running(_consumer(streams, topic, first)), running(_consumer(streams, topic, second)):
        await until(lambda: len(first.seen) + len(second.seen) == 6)

    assert sorted([len(first.seen), len(second.seen)]) == [0, 6]


async def test_when_the_leader_leaves_the_next_one_does_what_was_left_first_and_in_order(
    streams: Streams, topic: str
) -> None:
    await streams.publisher().publish(topic, "", "1", [_body("a", n) for n in range(4)])
    stuck, next_one = Uneven(), Uneven()
    next_one.go.set()

    async with running(_consumer(streams, topic, stuck)):
        await until(lambda: stuck.begun > 0)
    await streams.publisher().publish(topic, "1", "2", [_body("a", n) for n in range(4, 8)])
    async with running(_consumer(streams, topic, next_one)):
        await until(lambda: len(next_one.seen) == 8)

    assert (stuck.seen, next_one.numbers("a")) == ([], list(range(8)))


async def test_a_leader_that_dies_is_followed_once_its_lease_is_over(
    infra: Infra, topic: str, closing: Closing
) -> None:
    real = RedisStreams(infra.redis_url)
    closing(real)
    dead = real.channel(topic, "g", ordered=True)
    await real.publisher().publish(topic, "", "1", [_body("a", n) for n in range(3)])
    await dead.open()
    assert await dead.lead()
    assert len(await dead.read(2, 0)) == 2
    dead._lease.stop()  # as after kill -9 on another host: nobody says that it is gone
    handler = Uneven()
    handler.go.set()

    async with running(_consumer(real, topic, handler)):
        await until(lambda: len(handler.seen) == 3)

    assert handler.numbers("a") == [0, 1, 2]
