"""How much is before each group is said by a process that consumes nothing, from the real server."""

import asyncio
import socket

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from libs.common.http.app import build_app
from libs.common.streams.admin import StreamAdmin
from libs.common.streams.redis_streams import RedisStreams
from libs.contracts.catalogue import EVENTS
from libs.ops.events.answers import ANSWERS
from libs.ops.exporter import Exporter, app_spec, expected_lanes
from libs.ops.tests.events_world import ALL_PURPOSES, World

Scraped = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def _scraped(url: str) -> Scraped:
    world = StreamAdmin(url)
    transport = httpx.ASGITransport(build_app(app_spec(Exporter(world))))
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as http:
            page = (await http.get("/metrics")).text
    finally:
        await world.close()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def _of(
    name: str, topic: str = "recording", group: str = "transcriber", **more: str
) -> tuple[str, tuple[tuple[str, str], ...]]:
    return name, tuple(sorted({"topic": topic, "group": group, **more}.items()))


async def test_a_stage_that_died_is_told_by_nobody_reading_and_its_depth_goes_on_being_told(world: World) -> None:
    case = world.case(*ALL_PURPOSES)
    streams = RedisStreams(world.connection.redis_url or "")
    channel = streams.channel("recording", "transcriber")
    await channel.open()
    world.redis.xadd("{recording}:s", {"d": world.uploaded(case).to_json()})
    world.redis.xadd("{recording}:s", {"d": world.uploaded(case).to_json()})
    await channel.read(1, 0)
    alive = await _scraped(world.connection.redis_url or "")

    await channel.close()
    await streams.close()
    world.dead(world.uploaded(case), "transcriber")
    dead = await _scraped(world.connection.redis_url or "")

    assert (alive[_of("events_group_consumers")], dead[_of("events_group_consumers")]) == (1, 0)
    assert (dead[_of("events_group_lag")], dead[_of("events_dead_letters")]) == (1, 1)
    assert alive[_of("events_group_pending")] == 1
    assert alive[_of("events_group_oldest_pending_seconds")] > 0


async def test_every_group_of_ours_is_there_before_it_ever_ran(world: World) -> None:
    scraped = await _scraped(world.connection.redis_url or "")

    consumers = {labels: value for (name, labels), value in scraped.items() if name == "events_group_consumers"}

    assert len(consumers) == len(expected_lanes())
    assert set(consumers.values()) == {0}
    assert {lane.group for lane in expected_lanes()} == set(ANSWERS)


async def test_a_group_nobody_expects_is_told_too(world: World) -> None:
    world.redis.xgroup_create("{recording}:s", "left-over", id="0", mkstream=True)

    assert (await _scraped(world.connection.redis_url or ""))[_of("events_group_consumers", group="left-over")] == 0


@pytest.mark.parametrize("why", ["operator", "rate", "something new"])
async def test_a_pause_is_told_with_its_reason(world: World, why: str) -> None:
    world.redis.hset("{recording}:pause:transcriber", "why", why)

    scraped = await _scraped(world.connection.redis_url or "")

    told = {each for each in ("count", "rate", "operator", "other") if scraped[_of("events_group_paused", why=each)]}

    assert told == {why if why in ("operator", "rate") else "other"}


async def test_while_the_stream_is_away_that_is_told_and_no_depth_of_before(world: World) -> None:
    await _scraped(world.connection.redis_url or "")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with asyncio.timeout(10):
            away = await _scraped(f"redis://127.0.0.1:{taken.getsockname()[1]}/0")

    assert away["health_check_ok", (("check", "stream"),)] == 0
    assert [name for name, _ in away if name.startswith("events_group_")] == []


def test_what_is_expected_to_be_read_has_a_reader_for_each_stream_of_each_event() -> None:
    streams = {event.topic for event in EVENTS if any(event.type in answers for answers in ANSWERS.values())}

    assert {lane.stream for lane in expected_lanes()} == streams
