"""How fast one worker empties a backlog of no-ops: each contestant in turn, with ours before each of them."""

from collections.abc import Sequence

from benchmarks.events.arena import Arena
from benchmarks.events.contestants import BARE, OURS, Contestant
from benchmarks.events.figures import Bar, Section, each, median, number
from benchmarks.events.sizes import Size

BACKLOG_MIN = 100


def measure(arena: Arena, size: Size, peers: Sequence[Contestant]) -> Section:
    """Drain in rounds; a ratio is of two runs next to each other, so that a slow minute hits both."""
    rates: dict[str, list[float]] = {}
    ratios: dict[str, list[float]] = {}
    for _ in range(size.rounds):
        for other in (BARE, *peers, BARE):
            ours = drained(arena, OURS, size)
            theirs = drained(arena, other, size)
            rates.setdefault(OURS.name, []).append(ours)
            rates.setdefault(other.name, []).append(theirs)
            ratios.setdefault(other.name, []).append(ours / theirs)
    of_bare = median(ratios.pop(BARE.name))
    bars = [Bar("Ours against the bare loop", of_bare, 0.5, " x", at_least=True)]
    if peers:
        best = min(peers, key=lambda peer: median(ratios[peer.name]))
        bars.append(
            Bar(f"Ours against the best peer ({best.name})", median(ratios[best.name]), 10, " x", at_least=True)
        )
    rows = [
        [
            c.name,
            number(median(rates[c.name])),
            each(rates[c.name]),
            _ratio(c, of_bare, ratios),
            _count(c, size),
            c.setup,
        ]
        for c in (BARE, OURS, *peers)
    ]
    return Section(
        "Drain of a backlog of no-ops, one worker",
        [
            "From the first to the last message's mark, so that no start-up counts; every store is emptied before.",
            "Ratios are medians over pairs of neighbouring runs.",
        ],
        ["", "messages/s (median)", "rounds", "ours is x times it", "backlog", "set-up"],
        rows,
        bars,
    )


def drained(arena: Arena, contestant: Contestant, size: Size) -> float:
    """Return messages a second of one drain."""
    count = int(_count(contestant, size).replace(",", ""))
    arena.empty()
    arena.send(contestant, "fill", count)
    with arena.working(contestant) as worker:
        began = worker.wait_for(1)
        already = worker.marks.size()
        ended = worker.wait_for(count)
    return (count - already) / max(ended - began, 1e-3)


def _count(contestant: Contestant, size: Size) -> str:
    return f"{max(BACKLOG_MIN, int(contestant.backlog * size.share)):,}"


def _ratio(contestant: Contestant, of_bare: float, ratios: dict[str, list[float]]) -> str:
    if contestant is BARE:
        return number(of_bare)
    return number(median(ratios[contestant.name])) if contestant.name in ratios else "1"
