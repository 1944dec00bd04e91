"""Sliding windows, in Redis and in memory, under one contract."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from libs.common.errors import BrokerUnavailableError
from libs.common.redis.rate_window import WHO_MAX, InMemoryWindows, RedisWindows, Window, Windows
from libs.devstack.conditions import let_pass
from libs.devstack.infra import Infra

SHORT = Window(3, 1)


@pytest.fixture(params=["shared", "own"])
async def windows(request: pytest.FixtureRequest, infra: Infra) -> AsyncIterator[Windows]:
    if request.param == "own":
        yield InMemoryWindows()
        return
    shared = RedisWindows(infra.redis_url, f"test-{uuid4().hex}", 5.0)
    yield shared
    await shared.close()


async def test_as_many_pass_as_the_quota_says_however_many_ask_at_once(windows: Windows) -> None:
    counts = await asyncio.gather(*(windows.take("a", Window(5, 3600)) for _ in range(12)))

    assert sorted(count.left for count in counts if count.passed) == [0, 1, 2, 3, 4]
    assert {count.left for count in counts if not count.passed} == {0}


async def test_one_name_is_not_counted_for_another(windows: Windows) -> None:
    first = [await windows.take("a", SHORT) for _ in range(3)]

    other = await windows.take("b", SHORT)

    assert [count.left for count in (*first, other)] == [2, 1, 0, 2]


async def test_a_refusal_says_when_the_next_one_passes_and_it_does_then_and_not_before(windows: Windows) -> None:
    for _ in range(3):
        await windows.take("a", SHORT)
    refused = await windows.take("a", SHORT)
    await let_pass(refused.reset_s * 0.8, "the window slides by the clock of the server that counts")
    early = await windows.take("a", SHORT)
    await let_pass(early.reset_s + 0.005, "the refusal said that the next one passes then")

    passed = await windows.take("a", SHORT)

    assert 0 < refused.reset_s <= 1
    assert (refused.passed, early.passed, passed.passed) == (False, False, True)


async def test_a_refused_question_is_not_counted(windows: Windows) -> None:
    for _ in range(20):
        last = await windows.take("a", SHORT)
    await let_pass(last.reset_s + 0.2, "the window slides by the clock of the server that counts")

    assert (await windows.take("a", SHORT)).passed


async def test_a_server_that_is_gone_is_an_error_of_its_own() -> None:
    gone = RedisWindows("redis://127.0.0.1:9/0", "test", 0.2)

    with pytest.raises(BrokerUnavailableError):
        await gone.take("a", SHORT)
    await gone.close()


async def test_memory_forgets_who_asked_longest_ago_and_not_who_asks_most() -> None:
    windows = InMemoryWindows(lambda: 0.0)
    await windows.take("idle", SHORT)
    for number in range(WHO_MAX):
        if number % 1000 == 0:
            await windows.take("busy", SHORT)
        await windows.take(str(number), SHORT)

    assert (await windows.take("busy", SHORT)).passed is False
    assert (await windows.take("idle", SHORT)).left == 2


async def test_what_is_given_back_counts_no_more_and_only_once(windows: Windows) -> None:
    counts = [await windows.take("a", Window(3, 3600)) for _ in range(3)]

    await windows.refund("a", counts[1])
    await windows.refund("a", counts[1])

    assert [(await windows.take("a", Window(3, 3600))).passed for _ in range(2)] == [True, False]
