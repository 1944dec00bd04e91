"""How long a kill -9 of a worker keeps its messages from running: its host still there, or gone."""

import contextlib
import dataclasses
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence

from benchmarks.events import kernel
from benchmarks.events.arena import Arena, DidNotFinishError
from benchmarks.events.contestants import OURS, Contestant
from benchmarks.events.figures import Bar, Section, each, median, number
from benchmarks.events.sizes import Size

SEED = 11
SAME_HOST_MAX_S = 5.0
HOST_LOST_MAX_S = 9.0
PHASE_MAX_S = 2.0
WAIT_MAX_S = 60.0
HOLD_WINDOW = kernel.PACES["hold"].concurrency
_HOLD_S = "3600"
_HOLDING = dataclasses.replace(OURS, work=["-m", "benchmarks.events.ours", "hold"])
_FINISHING = dataclasses.replace(OURS, work=["-m", "benchmarks.events.ours", "finish"])
# Another name for this machine, seen by that one process only.
_ELSEWHERE = "import os, socket, sys; socket.sethostname('elsewhere'); os.execv(sys.argv[1], sys.argv[1:])"


def measure(arena: Arena, size: Size, peers: Sequence[Contestant]) -> Section:
    """Kill, and wait until all that was under way has run again."""
    dice = random.Random(SEED)
    same = [_restarted(arena, dice) for _ in range(size.kills)]
    rows = [["ours", "restart on the same host", number(median(same)), number(max(same)), each(same)]]
    bars = [Bar("Worst after a restart on the same host", max(same), SAME_HOST_MAX_S, " s")]
    if size.hosts_lost and _can_rename():
        lost = [_taken_over(arena, dice) for _ in range(size.hosts_lost)]
        rows.append(["ours", "host gone, another takes over", number(median(lost)), number(max(lost)), each(lost)])
        bars.append(Bar("Worst after the loss of a host", max(lost), HOST_LOST_MAX_S, " s"))
    rows += _peers(arena, size, peers)
    return Section(
        "Recovery after kill -9",
        [
            f"Ours: {HOLD_WINDOW} messages under way; seconds from the kill until all have run again, start of Python"
            f" included, kills at random moments (seed {SEED}).",
            "Host gone: the survivor runs under another host name (a UTS namespace), so it cannot see that the process"
            " is dead.",
            f"Peers: one message under way, restart at once on the same host, watched for {size.peers_wait_s:.0f} s;"
            " beside it their default by their own documentation and sources, read in November 2026.",
        ],
        ["", "fault", "median s", "worst s", "each"],
        rows,
        bars,
    )


def _restarted(arena: Arena, dice: random.Random) -> float:
    arena.empty()
    arena.send(OURS, "fill", HOLD_WINDOW)
    with arena.working(_HOLDING) as victim:
        victim.wait_for(HOLD_WINDOW)
        time.sleep(dice.uniform(0, PHASE_MAX_S))
        killed = victim.kill()
        with arena.working(_FINISHING) as successor:
            return successor.wait_for(HOLD_WINDOW, WAIT_MAX_S) - killed


def _taken_over(arena: Arena, dice: random.Random) -> float:
    arena.empty()
    arena.send(OURS, "fill", HOLD_WINDOW)
    with arena.working(_HOLDING) as victim:
        victim.wait_for(HOLD_WINDOW)
        command = _renamed(_FINISHING.command(arena.environments, arena.infra.redis_url))
        with arena.running(command, "the survivor") as survivor:
            # The victim has no room: one more goes to the survivor and shows that it reads.
            arena.send(OURS, "fill", 1)
            survivor.wait_for(1, WAIT_MAX_S)
            time.sleep(dice.uniform(0, PHASE_MAX_S))
            killed = victim.kill()
            return survivor.wait_for(1 + HOLD_WINDOW, WAIT_MAX_S) - killed


def _renamed(command: list[str]) -> list[str]:
    unshare = shutil.which("unshare") or "unshare"
    return [unshare, "--user", "--map-root-user", "--uts", sys.executable, "-c", _ELSEWHERE, *command]


def _can_rename() -> bool:
    try:
        tried = subprocess.run(_renamed([sys.executable, "-c", ""]), capture_output=True, check=False, timeout=30)
    except OSError:
        return False
    return tried.returncode == 0


def _peers(arena: Arena, size: Size, peers: Sequence[Contestant]) -> list[list[str]]:
    """Kill all peers' workers, start them all again, and watch them together: each has a database of its own."""
    arena.empty()
    with contextlib.ExitStack() as running:
        killed = {}
        for number_, peer in enumerate(peers, start=1):
            arena.send(peer, "fill", 1, database=number_)
            with arena.working(peer, database=number_, BENCH_HOLD_S=_HOLD_S) as victim:
                victim.wait_for(1, WAIT_MAX_S)
                killed[peer.name] = victim.kill()
        again = {
            peer.name: running.enter_context(arena.working(peer, database=number_))
            for number_, peer in enumerate(peers, start=1)
        }
        rows = []
        deadline = time.monotonic() + size.peers_wait_s
        for peer in peers:
            try:
                left = max(0.0, deadline - time.monotonic())
                seconds = number(again[peer.name].wait_for(1, left) - killed[peer.name])
            except DidNotFinishError:
                seconds = f"not within {size.peers_wait_s:.0f}"
            rows.append([peer.name, "restart on the same host", seconds, seconds, f"default: {peer.after_kill}"])
        return rows
