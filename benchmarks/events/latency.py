"""How long a message takes at light load: from the sender to the handler, by the machine's monotonic clock."""

import dataclasses
import sys
from collections.abc import Sequence

from benchmarks.events import world
from benchmarks.events.arena import WARM_UP, Arena, Worker
from benchmarks.events.contestants import BARE, OURS, Contestant
from benchmarks.events.figures import Bar, Section, each, median, number, percentile
from benchmarks.events.sizes import Size

SEED = 3
_TIMED = dataclasses.replace(OURS, work=["-m", "benchmarks.events.ours", "timed"])
_RELAY = ["-m", "benchmarks.events.ours", "relay"]
_LIMIT_S = 60.0


def measure(arena: Arena, size: Size, peers: Sequence[Contestant]) -> Section:
    """Drip messages in rounds, contestants in turn."""
    seen: dict[str, list[list[float]]] = {}
    for turn in range(size.rounds):
        for contestant in (BARE, _TIMED, *peers):
            seen.setdefault(contestant.name, []).append(_dripped(arena, contestant, size, SEED + turn))
    ratio = median([median(o) / median(b) for o, b in zip(seen[OURS.name], seen[BARE.name], strict=True)])
    return Section(
        f"Publish to handler at {size.rate:.0f} events/s",
        [f"{size.drips} messages a round at random distances (seeds from {SEED}), contestants in turn; milliseconds."],
        ["", "p50", "p99", "p50 by round", "p99 by round"],
        [_row(name, rounds) for name, rounds in seen.items()],
        [Bar("p50 of ours against the bare loop", ratio, 1.5, " x")],
    )


def measure_commit(arena: Arena, size: Size) -> Section:
    """Commit facts in one process, relay them in a second, handle them in a third."""
    rounds = [_committed(arena, size, SEED + turn) for turn in range(size.rounds)]
    return Section(
        f"Commit to handler through the outbox at {size.rate:.0f} events/s",
        [
            f"From before the fact is emitted, commit included; {size.drips} facts a round, seeds from {SEED}.",
            "Writer, relay and consumer are three processes; the writer hints after its commit, as an `api` does.",
        ],
        ["", "p50", "p99", "p50 by round", "p99 by round"],
        [_row("ours", rounds)],
        [
            Bar("p50", median([median(one) for one in rounds]), 15, " ms"),
            Bar("p99", median([percentile(one, 0.99) for one in rounds]), 40, " ms"),
        ],
    )


def _dripped(arena: Arena, contestant: Contestant, size: Size, seed: int) -> list[float]:
    arena.empty()
    arena.send(contestant, "fill", WARM_UP)
    with arena.working(contestant) as worker:
        worker.wait_for(WARM_UP)
        arena.send(contestant, "drip", size.drips, size.rate, seed)
        return _arrived(worker, size.drips)


def _committed(arena: Arena, size: Size, seed: int) -> list[float]:
    arena.empty()
    world.empty_tables(arena)
    with arena.working(_TIMED) as worker, arena.running([sys.executable, *_RELAY], "relay"):
        # Not timed: connections, scripts and the first statement of each kind.
        arena.send(_TIMED, "commit", WARM_UP, size.rate, seed)
        worker.until(lambda: worker.marks.lines() >= WARM_UP, _LIMIT_S)
        arena.send(_TIMED, "commit", size.drips, size.rate, seed)
        return _arrived(worker, WARM_UP + size.drips)[WARM_UP:]


def _arrived(worker: Worker, count: int) -> list[float]:
    worker.until(lambda: worker.marks.lines() >= count, _LIMIT_S)
    return worker.marks.latencies_ms()


def _row(name: str, rounds: Sequence[Sequence[float]]) -> list[str]:
    p50s = [median(one) for one in rounds]
    p99s = [percentile(one, 0.99) for one in rounds]
    return [name, number(median(p50s)), number(median(p99s)), each(p50s), each(p99s)]
