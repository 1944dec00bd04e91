"""The way through PostgreSQL: how fast a full outbox is relayed, and how fast effects are written exactly once."""

import dataclasses
import sys
import time
from collections.abc import Sequence

import redis

from benchmarks.events import kernel, world
from benchmarks.events.arena import LOOK_EVERY_S, Arena, DidNotFinishError
from benchmarks.events.contestants import OURS, Contestant
from benchmarks.events.drain import drained
from benchmarks.events.figures import Bar, Section, each, median, number
from benchmarks.events.sizes import Size

SINGLE_MIN = 1_000
RELAY_MIN = 30_000
_LIMIT_S = 300.0
RIVAL_BACKLOG = 8_000
"""Who drains less than that in its time is not the best peer."""
RIVAL_MIN = 5
BATCHED_MIN = 15_000
_RELAY = [sys.executable, "-m", "benchmarks.events.ours", "relay"]


@dataclasses.dataclass(frozen=True)
class _Way:
    """One way of applying events: its worker, and the table its effects are in."""

    worker: Contestant
    table: str


_SINGLY = _Way(dataclasses.replace(OURS, work=["-m", "benchmarks.events.ours", "effects"]), "effect")
_BATCHED = _Way(dataclasses.replace(OURS, work=["-m", "benchmarks.events.ours", "batches"]), "tally")


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


def measure_effects(arena: Arena, size: Size, peers: Sequence[Contestant]) -> Section:
    """Relay a full outbox, then write one row per event and count the rows: singly, and in batches beside no-ops."""
    rivals = [peer for peer in peers if peer.backlog >= RIVAL_BACKLOG]
    singly, batched = [], []
    noops: dict[str, list[float]] = {}
    ratios: list[float] = []
    for _ in range(size.rounds):
        singly.append(_applied(arena, size.effects, _SINGLY))
        batched.append(_applied(arena, size.batched, _BATCHED))
        for rival in rivals:
            noops.setdefault(rival.name, []).append(drained(arena, rival, size))
        ratios += [batched[-1] / max(rates[-1] for rates in noops.values())] if noops else []
    rows = [
        ["ours, one transaction per event", number(median(singly)), each(singly)],
        [f"ours, {kernel.BATCH} events in a transaction", number(median(batched)), each(batched)],
        *([f"{name}, no-ops", number(median(rates)), each(rates)] for name, rates in noops.items()),
    ]
    bars = [
        Bar("Events applied singly", median(singly), SINGLE_MIN, "/s", at_least=True),
        Bar("Events applied in batches", median(batched), BATCHED_MIN, "/s", at_least=True),
    ]
    if ratios:
        bars.append(Bar("Batches against the best peer's no-ops", median(ratios), RIVAL_MIN, " x", at_least=True))
    how = [
        f"Inbox row and effect in one transaction: {size.effects:,} events singly, {size.batched:,} in batches;"
        f" {kernel.PACES['effects'].concurrency} and {kernel.PACES['batches'].concurrency} transactions under way.",
        "The log is on as in production; afterwards the effects are counted: every one there, none twice.",
    ]
    return Section("Effects exactly once in PostgreSQL", how, ["", "events/s (median)", "rounds"], rows, bars)


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


def _applied(arena: Arena, count: int, way: _Way) -> float:
    _relayed(arena, count)
    with arena.working(way.worker) as worker:
        began = worker.wait_for(1)
        already = worker.marks.size()
        ended = worker.wait_for(count, _LIMIT_S)
        worker.until(lambda: world.effects(arena, way.table)[0] >= count)
    found = world.effects(arena, way.table)
    if found != (count, count):
        raise DidNotFinishError(f"{found} effects and things of {count} events")
    return (count - already) / max(ended - began, 1e-3)
