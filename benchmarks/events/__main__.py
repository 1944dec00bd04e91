"""Events: throughput, latency, recovery and memory, ours beside others, on one server in one run.

    .venv/bin/python -m benchmarks.events [--quick] [--write] [--only NAME ...]

NAME is a measure (drain, latency, commit, relay, effects, recovery, memory) or a contestant (ours, rq, arq, ...).
Installs the peers into .devstack/peers, starts its own servers in a throwaway folder, and stops by itself.
Exit code 1 when a bar was missed.
"""

import argparse
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.events import drain, effects, environments, latency, memory, recovery, report, world
from benchmarks.events.arena import Arena
from benchmarks.events.contestants import PEERS, Contestant
from benchmarks.events.figures import Section
from benchmarks.events.sizes import FULL, QUICK, Size
from libs.devstack.provision import ROOT

ENVIRONMENTS = ROOT / ".devstack" / "peers"
PAGE = ROOT / "docs" / "performance.md"
Measure = Callable[[Arena, Size, Sequence[Contestant]], Section]
MEASURES: Mapping[str, Measure] = {
    "drain": drain.measure,
    "latency": latency.measure,
    "commit": lambda arena, size, _peers: latency.measure_commit(arena, size),
    "relay": lambda arena, size, _peers: effects.measure_relay(arena, size),
    "effects": effects.measure_effects,
    "recovery": recovery.measure,
    "memory": memory.measure,
}


@dataclass(frozen=True)
class Plan:
    """What to measure and who takes part beside ours and the bare loop."""

    measures: Sequence[str]
    peers: Sequence[Contestant]

    @staticmethod
    def of(only: Sequence[str]) -> "Plan":
        """Read the names given; raises ValueError for one that nobody has. No name means all."""
        by_name = {peer.name.lower(): peer for peer in PEERS}
        unknown = set(only) - set(MEASURES) - set(by_name) - {"ours"}
        if unknown:
            raise ValueError(f"no measure or contestant is called {', '.join(sorted(unknown))}")
        measures = [name for name in MEASURES if name in only] or list(MEASURES)
        somebody = [name for name in only if name not in MEASURES]
        return Plan(measures, [peer for name, peer in by_name.items() if name in only or not somebody])


def main() -> int:
    """Run, print the page, and tell by the exit code whether the bars hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.events", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of a fifth: a look, not a result")
    parser.add_argument("--write", action="store_true", help="put the page into docs/performance.md")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="measures or contestants")
    given = parser.parse_args()
    plan = Plan.of([name.lower() for name in given.only])
    environments.install(plan.peers, ENVIRONMENTS)
    with world.opened(ENVIRONMENTS) as arena:
        described = report.machine(arena)
        sections = run(arena, QUICK if given.quick else FULL, plan)
    if plan.peers:
        described.append(f"Peers: {environments.versions(plan.peers)}.")
    text = report.render(_command(), described, sections)
    print(text)
    if given.write:
        report.write(PAGE, text)
    return 0 if all(bar.holds for section in sections for bar in section.bars) else 1


def run(arena: Arena, size: Size, plan: Plan) -> list[Section]:
    """Take each measure in turn, telling on stderr how far it is."""
    sections = []
    for name in plan.measures:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        sections.append(MEASURES[name](arena, size, plan.peers))
        for bar in sections[-1].bars:
            print(f"  {bar}", file=sys.stderr, flush=True)
    return sections


def _command() -> str:
    return f".venv/bin/python -m benchmarks.events {shlex.join(sys.argv[1:])}".strip()


if __name__ == "__main__":
    sys.exit(main())
