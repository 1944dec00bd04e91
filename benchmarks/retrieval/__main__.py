"""The search of one patient's sessions, ours beside others, on one server in one run.

    .venv/bin/python -m benchmarks.retrieval [--chunks N] [--only ours]

100,000 chunks unless told otherwise (SIZE=tiny: 8,000, to see that it works). Installs the peers into .devstack/peers,
starts its own server in a throwaway folder. Exit code 1 when a bar was missed.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.retrieval import corpus, peers
from benchmarks.retrieval.ours import Ours, bar_ms
from benchmarks.retrieval.sizes import DIMENSION, SEED, TOP, Size, size_of
from libs.devstack import infra

TIMES_THE_PEERS = 10


def main() -> int:
    """Measure, print, and tell by the exit code whether the bars hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrieval", description=__doc__)
    parser.add_argument("--chunks", type=int, help="how many chunks, of all patients together")
    parser.add_argument("--only", choices=["ours"], help="leave the peers out")
    given = parser.parse_args()
    size = size_of(given.chunks)
    made = corpus.made(size)
    print(f"{len(made.owners)} chunks of {len(made.patients)} patients, {DIMENSION} dimensions, the {TOP} best of one")
    print(f"patient, {size.questions} questions, {size.seconds} s a measure, seed {SEED}; peers: {peers.versions()}")
    print(f"load per core at the start {os.getloadavg()[0] / (os.cpu_count() or 1):.2f}")
    with infra.throwaway() as started:
        missed, own = asyncio.run(_ours(started, made, size))
        print(_heading(size))
        print(_line(own), flush=True)
        if given.only is None:
            missed |= _peers(started.admin_url, made, size, own)
    return int(missed)


async def _ours(started: infra.Infra, made: corpus.Corpus, size: Size) -> tuple[bool, dict[str, Any]]:
    contender, missed = Ours(started, made), False
    try:
        print("filling", file=sys.stderr, flush=True)
        contender.fill()
        for passages, typical, worst in await contender.server_times(size.rounds):
            holds = typical <= bar_ms(passages)
            missed |= not holds
            verdict = "holds" if holds else "missed"
            times = f"p50 {typical:.2f} ms, worst {worst:.2f}, bar {bar_ms(passages)}: {verdict}"
            print(f"server time, {passages} passages: {times}", flush=True)
        return missed, await contender.measure(size)
    finally:
        await contender.close()


def _peers(admin_url: str, made: corpus.Corpus, size: Size, own: dict[str, Any]) -> bool:
    best = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.npz"
        made.save(path)
        for measured in peers.measure(admin_url, path, size):
            print(_line(measured), flush=True)
            if measured["recall"] > 0.999:
                best = max(best, *(load["rate"] for load in measured["loads"].values()))
    if not best:
        print("no peer finds everything")
        return False
    times: float = max(load["rate"] for load in own["loads"].values()) / best
    print(f"ours answers {times:.1f} times as many as the best peer that finds everything, bar {TIMES_THE_PEERS}")
    return times < TIMES_THE_PEERS


def _heading(size: Size) -> str:
    return (
        "".ljust(28)
        + "recall  too few"
        + "".join(f" | {clients} at once: p50    p95    p99 ms     /s" for clients in size.clients)
    )


def _line(measured: dict[str, Any]) -> str:
    loads = "".join(
        f" | {load['p50']:>14.2f} {load['p95']:>6.1f} {load['p99']:>6.1f} {load['rate']:>9.0f}"
        for load in measured["loads"].values()
    )
    return f"{measured['name']:<28}{measured['recall']:>6.3f}{100 * measured['too_few']:>7.1f} %{loads}"


if __name__ == "__main__":
    sys.exit(main())
