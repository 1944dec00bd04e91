"""The way through PostgreSQL: how fast a full outbox is relayed, and how fast effects are written exactly once."""

import dataclasses
import sys
import time

import redis

from benchmarks.events import kernel, world
from benchmarks.events.arena import LOOK_EVERY_S, Arena, DidNotFinishError
from benchmarks.events.contestants import OURS
from benchmarks.events.figures import Bar, Section, each, median, number
from benchmarks.events.sizes import Size

SINGLE_MIN = 1_000
RELAY_MIN = 30_000
_LIMIT_S = 300.0
_EFFECTS = dataclasses.replace(OURS, work=["-m", "benchmarks.events.ours", "effects"])
_RELAY = [sys.executable, "-m", "benchmarks.events.ours", "relay"]


def measure_relay(arena: Arena, size: Size) -> Section:
    """Fill the outbox, then let one relay move it."""
    rates = [_relayed(arena, size.relayed) for _ in range(size.rounds)]
    return Section(
        "Relay: rows a second from a full outbox",
        [f"One relay, {size.relayed:,} rows a round, from its first script to its last; entries counted afterwards."],
        ["", "rows/s (median)", "rounds"],
        [["ours", number(median(rates)), each(rates)]],
        [Bar("Rows relayed", median(rates), RELAY_MIN, "/s", at_least=True)],
    )


def measure_effects(arena: Arena, size: Size) -> Section:
    """Relay a full outbox, then write one row per event and count the rows."""
    rates = [_applied(arena, size.effects) for _ in range(size.rounds)]
    return Section(
        "Effects exactly once in PostgreSQL, one transaction per event",
        [
            f"Inbox row and effect in one transaction, {size.effects:,} events a round, {kernel.WINDOW} under way.",
            "The log is on as in production; afterwards the effects are counted: every one there, none twice.",
        ],
        ["", "events/s (median)", "rounds"],
        [["ours", number(median(rates)), each(rates)]],
        [Bar("Events applied singly", median(rates), SINGLE_MIN, "/s", at_least=True)],
    )


def _relayed(arena: Arena, count: int) -> float:
    arena.empty()
    world.fill_outbox(arena, count)
    with redis.Redis.from_url(arena.infra.redis_url) as client, arena.running(_RELAY, "relay"):
        began, already = _entries(client, 1)
        ended, moved = _entries(client, count)
    if moved != count:
        raise DidNotFinishError(f"{moved} entries of {count} rows")
    return (count - already) / max(ended - began, 1e-3)


def _entries(client: redis.Redis, count: int) -> tuple[float, int]:
    """Return when there were at least so many entries, and how many."""
    deadline = time.monotonic() + _LIMIT_S
    while (there := int(client.xlen("{thing}:s"))) < count:
        if time.monotonic() > deadline:
            raise DidNotFinishError(f"{there} of {count} rows relayed")
        time.sleep(LOOK_EVERY_S)
    return time.monotonic(), there


def _applied(arena: Arena, count: int) -> float:
    _relayed(arena, count)
    with arena.working(_EFFECTS) as worker:
        began = worker.wait_for(1)
        already = worker.marks.size()
        ended = worker.wait_for(count, _LIMIT_S)
        worker.until(lambda: world.effects(arena)[0] >= count)
    if world.effects(arena) != (count, count):
        raise DidNotFinishError(f"{world.effects(arena)} effects and things of {count} events")
    return (count - already) / max(ended - began, 1e-3)
