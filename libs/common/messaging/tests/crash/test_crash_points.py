"""A process that relays and consumes dies at every await in turn; the next one finishes; nothing is lost or doubled.

Each await of the kernel is found in its source, and a point is put around it when a warm process imports the kernel.
Lives that end well say which moments they passed; then lives are killed at them, with SIGKILL: at each await before it,
while it gives way, and after it, and at a seeded sample of the other ways to come there. SIZE=soak takes all of them.
"""

import os
import sys
import time
from contextlib import AsyncExitStack

import pytest

from libs.common.messaging.tests.crash import source as crash_source
from libs.common.messaging.tests.crash.lanes import lane, worlds
from libs.common.messaging.tests.crash.rounds import CrashRounds, Round, deaths_of
from libs.devstack.infra import Infra

NEVER_THERE = {
    "transaction.py Database.ping: enter async with self.without_capability()": "asked by /health only",
    "transaction.py Database.ping: leave async with self.without_capability()": "asked by /health only",
    "transaction.py Database.ping: await tx.execute(text('select 1'))": "asked by /health only",
    "ordered.py _Waiting.ack: await self._channel.ack(deliveries)": "no handler acknowledges while it handles",
    "redis_streams.py RedisStreams.forget: next of async for self._redis.scan_iter(match=f'{{{topic}}}:*')": "tests do",
    "redis_streams.py RedisStreams.forget: await self._redis.delete(*keys)": "tests do",
}
"""Awaits that neither relay nor consumer comes to, with the reason. This list may only shrink."""
LANES = 2 * (os.cpu_count() or 2) + 1
"""A life waits for its servers two thirds of its time."""
EXTRA, PAIRS = 4, 16
EVERYTHING = 100_000


@pytest.mark.slow
@pytest.mark.timeout(3600 if os.environ.get("SIZE") == "soak" else 900)
async def test_a_death_at_any_await_of_relay_and_consumer_loses_nothing_and_doubles_nothing(
    infra: Infra, capsys: pytest.CaptureFixture[str]
) -> None:
    started = time.monotonic()
    soak = os.environ.get("SIZE") == "soak"
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(worlds(infra))
        rounds = CrashRounds(made, [await stack.enter_async_context(lane()) for _ in range(LANES)])
        await rounds.look()
        await rounds.die_everywhere()
        await rounds.die_at_others(EVERYTHING if soak else EXTRA)
        await rounds.die_twice(PAIRS * 10 if soak else PAIRS)
    found = rounds.found
    with capsys.disabled():
        sys.stdout.write(_proof(found, time.monotonic() - started))

    assert found.wrong == []
    assert (found.lost, found.twice) == (0, 0)
    assert _never_died_at(rounds) == sorted(NEVER_THERE)
    assert found.pairs >= PAIRS // 2


def _never_died_at(rounds: CrashRounds) -> list[str]:
    """Return the awaits at which not each kind of death was died: before, giving way (if it ever does), after."""
    seen, died = deaths_of(rounds.moments), deaths_of(rounds.found.died_at)
    return sorted(
        name
        for name in _all_awaits()
        if not {("before", name), ("after", name)} <= died or {("gave way", name)} & seen > died
    )


def _all_awaits() -> list[str]:
    return [name for path in crash_source.kernel_modules().values() for name in crash_source.awaits_of(path)]


def _proof(found: Round, seconds: float) -> str:
    return (
        f"\nPROOF crashpoints awaits={len(_all_awaits()) - len(NEVER_THERE)} crashed_at={len(found.died_at)} "
        f"pairs={found.pairs} lost={found.lost} twice={found.twice} wrong={len(found.wrong)} "
        f"left_behind={found.left_behind} seconds={seconds:.0f}\n"
    )
