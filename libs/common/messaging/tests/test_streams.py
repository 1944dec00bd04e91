"""One contract for streams, kept by memory and by a real Redis-compatible server alike."""

import pytest
from redis.asyncio import Redis

from libs.common.errors import BrokerUnavailableError
from libs.common.messaging.tests.conftest import Closing, Streams
from libs.common.messaging.tests.depths import Depth, depth
from libs.common.streams.port import DeadLetterReason
from libs.common.streams.redis_streams import RedisStreams
from libs.devstack.infra import Infra


async def test_entries_and_the_cursor_move_together_or_not_at_all(streams: Streams, topic: str) -> None:
    publisher = streams.publisher()
    first = await publisher.publish(topic, "", "1:1:1", ["a", "b"])

    second = await publisher.publish(topic, "", "1:1:9", ["twice"])

    cursors = (first, second, (await publisher.cursors([topic]))[topic])
    channel = streams.channel(topic, "g")
    await channel.open()
    bodies = [delivery.body for delivery in await channel.read(10, 0)]
    await channel.close()

    assert cursors == ("1:1:1", "1:1:1", "1:1:1")
    assert bodies == ["a", "b"]


async def test_two_consumers_of_a_group_share_and_two_groups_each_get_all(streams: Streams, topic: str) -> None:
    await streams.publisher().publish(topic, "", "1", ["a", "b"])
    one, two, other = streams.channel(topic, "g"), streams.channel(topic, "g"), streams.channel(topic, "h")
    for channel in (one, two, other):
        await channel.open()

    shared = [await one.read(1, 0), await two.read(1, 0)]

    given_to_other = len(await other.read(10, 0))
    for channel in (one, two, other):
        await channel.close()

    assert sorted(delivery.body for batch in shared for delivery in batch) == ["a", "b"]
    assert given_to_other == 2


async def test_a_group_made_late_starts_at_the_first_entry(streams: Streams, topic: str) -> None:
    await streams.publisher().publish(topic, "", "1", ["early"])
    late = streams.channel(topic, "late")
    await late.open()

    bodies = [delivery.body for delivery in await late.read(5, 0)]
    await late.close()

    assert bodies == ["early"]


async def test_what_is_acknowledged_is_not_pending(streams: Streams, topic: str, closing: Closing) -> None:
    await streams.publisher().publish(topic, "", "1", ["a", "b"])
    channel = streams.channel(topic, "g")
    closing(channel)
    await channel.open()
    given = await channel.read(10, 0)

    await channel.ack(given[:1])

    assert await depth(channel) == Depth(lag=0, pending=1, parked=0, dead=0)


async def test_a_parked_entry_comes_back_with_its_attempt_counted_to_this_group_only(
    streams: Streams, topic: str, closing: Closing
) -> None:
    await streams.publisher().publish(topic, "", "1", ["a"])
    channel, other = streams.channel(topic, "g"), streams.channel(topic, "h")
    closing(channel, other)
    await channel.open()
    await other.open()
    (given,) = await channel.read(10, 0)

    parked, next_due_s = await channel.park(given, 0.0, 2), await channel.promote()
    (again,) = await channel.read(10, 0)

    assert (parked, next_due_s) == (True, None)
    assert (again.body, again.attempt, again.lane) == ("a", 2, "r")
    assert [delivery.attempt for delivery in await other.read(10, 0)] == [1]


async def test_a_retry_is_not_promoted_before_its_time(streams: Streams, topic: str, closing: Closing) -> None:
    await streams.publisher().publish(topic, "", "1", ["a"])
    channel = streams.channel(topic, "g")
    closing(channel)
    await channel.open()
    (given,) = await channel.read(10, 0)
    await channel.park(given, 60.0, 2)

    assert 59 < (await channel.promote() or 0) <= 60
    assert (await depth(channel)).parked == 1


async def test_a_dead_lettered_entry_is_kept_and_no_longer_pending(
    streams: Streams, topic: str, closing: Closing
) -> None:
    await streams.publisher().publish(topic, "", "1", ["a"])
    channel = streams.channel(topic, "g")
    closing(channel)
    await channel.open()
    (given,) = await channel.read(10, 0)

    assert await channel.dead_letter(given, DeadLetterReason("upstream-refused", "f.py:1:f"))

    assert await depth(channel) == Depth(lag=0, pending=0, parked=0, dead=1)


async def test_what_is_handed_back_is_taken_by_the_next_and_is_no_longer_the_firsts_to_park(
    streams: Streams, topic: str, closing: Closing
) -> None:
    await streams.publisher().publish(topic, "", "1", ["a"])
    leaving, staying = streams.channel(topic, "g"), streams.channel(topic, "g")
    closing(leaving, staying)
    await leaving.open()
    await staying.open()
    (given,) = await leaving.read(10, 0)
    await leaving.release([given])

    taken = await staying.sweep(10)

    assert [delivery.body for delivery in taken] == ["a"]
    assert not await leaving.park(given, 0.0, 2)
    assert not await leaving.dead_letter(given, DeadLetterReason("x", "y"))


async def test_entries_of_a_consumer_that_closed_without_finishing_are_swept(streams: Streams, topic: str) -> None:
    await streams.publisher().publish(topic, "", "1", ["a"])
    gone, staying = streams.channel(topic, "g"), streams.channel(topic, "g")
    await gone.open()
    await staying.open()
    await gone.read(10, 0)
    await gone.close()

    taken = await staying.sweep(10)

    await staying.close()

    assert [(delivery.body, delivery.times) for delivery in taken] == [("a", 2)]


async def test_a_living_consumers_entries_are_left_alone(streams: Streams, topic: str) -> None:
    await streams.publisher().publish(topic, "", "1", ["a"])
    busy, other = streams.channel(topic, "g"), streams.channel(topic, "g")
    await busy.open()
    await other.open()
    await busy.read(10, 0)

    taken = await other.sweep(10)
    await busy.close()
    await other.close()

    assert taken == []


async def test_a_flushed_server_is_read_from_its_first_entry_again(infra: Infra, topic: str) -> None:
    real = RedisStreams(infra.redis_url)
    channel = real.channel(topic, "g")
    await channel.open()
    await real.publisher().publish(topic, "", "1", ["lost"])
    await real.forget(topic)

    of_the_old = await channel.read(5, 0)
    await real.publisher().publish(topic, "", "1", ["new"])

    of_the_new = [delivery.body for delivery in await channel.read(5, 0)]
    await channel.close()
    await real.close()

    assert of_the_old == []
    assert of_the_new == ["new"]


async def test_only_what_every_group_has_acknowledged_and_is_old_enough_is_trimmed(infra: Infra, topic: str) -> None:
    real = RedisStreams(infra.redis_url)
    quick, slow = real.channel(topic, "quick"), real.channel(topic, "slow")
    await quick.open()
    await slow.open()
    await real.publisher().publish(topic, "", "1", ["a", "b", "c"])
    await quick.ack(await quick.read(10, 0))
    unread = await quick.trim(0)
    given = await slow.read(10, 0)
    unacknowledged = await slow.trim(0)
    await slow.ack(given[:2])

    young, old = await slow.trim(3600), await slow.trim(0)

    late = real.channel(topic, "late")
    await late.open()
    left = [delivery.body for delivery in await late.read(10, 0)]
    for channel in (quick, slow, late):
        await channel.close()
    await real.close()

    assert (unread, unacknowledged, young, old) == (0, 0, 0, 2)
    assert left == ["c"]


async def test_a_server_whose_memory_is_full_is_waited_for_like_one_that_is_away(redis_seven: str, topic: str) -> None:
    real, operator = RedisStreams(redis_seven), Redis.from_url(redis_seven)
    channel = real.channel(topic, "g")
    await channel.open()
    await real.publisher().publish(topic, "", "1", ["a"])
    (given,) = await channel.read(1, 0)
    await operator.config_set("maxmemory", "1")

    for refused in (real.publisher().publish(topic, "1", "2", ["b"]), channel.park(given, 1.0, 2)):
        with pytest.raises(BrokerUnavailableError):
            await refused

    await operator.config_set("maxmemory", "0")
    assert await real.publisher().publish(topic, "1", "2", ["b"]) == "2"
    await operator.aclose()
    await channel.close()
    await real.close()
