"""How much memory one idle worker holds: the sum over its processes of what is resident.

Ours runs on the packages of the smallest image's lock, as a container does, and beside it stand the packages alone.
"""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.events import environments
from benchmarks.events.arena import Arena, DidNotFinishError, Worker
from benchmarks.events.contestants import Contestant
from benchmarks.events.figures import Bar, Section, number
from benchmarks.events.sizes import Size
from libs.devstack.provision import ROOT

WORKER_MAX_MB = 45
SETTLES_WITHIN_S = 30.0
LOOK_EVERY_S = 1.0
LOCKS = ROOT / "deploy" / "locks"
IMAGE = "consent"
ALWAYS = ("asyncio", "redis.asyncio", "psycopg", "pydantic", "structlog")
PACKAGES = (
    *ALWAYS,
    "pydantic_settings",
    "prometheus_client",
    "opentelemetry.sdk.trace",
    "sqlalchemy.ext.asyncio",
    "fastapi",
    "uvicorn",
)
OVER_PACKAGES_MAX = 1.2
_RESIDENT = "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmRSS')))"


def measure(arena: Arena, size: Size, peers: Sequence[Contestant]) -> Section:  # noqa: ARG001 - one size serves all
    """Start each worker, wait until it grows no more, and read /proc."""
    arena.empty()
    python = environments.interpreter(LOCKS / f"{IMAGE}.lock", arena.environments / IMAGE)
    always, packages = _imported(python, ALWAYS), _imported(python, PACKAGES)
    settings = {
        "ENV": "test",
        "PORT": "0",
        "DATABASE_URL": arena.database_url,
        "RELAY_DATABASE_URL": arena.infra.relay_database_url,
        "REDIS_URL": arena.infra.redis_url,
    }
    with arena.running([python, "-m", "benchmarks.events.idle", "work"], "ours", database=0, **settings) as worker:
        ours, processes = _settled(worker)
    rows = [
        ["ours (runtime, consumer, relay, run loop)", number(ours), str(processes)],
        [f"nothing but imports: {', '.join(PACKAGES)}", number(packages), "1"],
        [f"nothing but imports: {', '.join(ALWAYS)}", number(always), "1"],
    ]
    for peer in peers:
        arena.empty()
        arena.send(peer, "fill", 1)
        with arena.working(peer) as worker:
            worker.wait_for(1)
            megabytes, processes = _settled(worker)
        rows.append([peer.name, number(megabytes), str(processes)])
    return Section(
        "Memory of one idle worker",
        [
            "Resident megabytes (VmRSS) once it no longer grows, summed over its processes; ours has run nothing yet.",
            f"Ours and the imports run on the packages of `deploy/locks/{IMAGE}.lock`, as in the container.",
        ],
        ["", "MB", "processes"],
        rows,
        [
            Bar("A worker of ours before a service's own imports", ours, WORKER_MAX_MB, " MB"),
            Bar("The same over the imports of its packages", ours / packages, OVER_PACKAGES_MAX, " x"),
        ],
    )


def _imported(python: str, packages: Sequence[str]) -> float:
    done = subprocess.run(
        [python, "-c", f"import {', '.join(packages)}\n{_RESIDENT}"], check=True, capture_output=True, text=True
    )
    return int(done.stdout) / 1024


def _settled(worker: Worker) -> tuple[float, int]:
    before, deadline = (0.0, 0), time.monotonic() + SETTLES_WITHIN_S
    while time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)
        if not worker.process.is_alive:
            raise DidNotFinishError(f"{worker.name} did not stay: {worker.log.read_text()[-1000:]}")
        now = _resident(worker.process.pid)
        if now[0] and abs(now[0] - before[0]) < 0.2:
            return now
        before = now
    return before


def _resident(pid: int) -> tuple[float, int]:
    parents = dict(filter(None, (_parent(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())))
    tree = {pid}
    while more := {child for child, parent in parents.items() if parent in tree} - tree:
        tree |= more
    sizes = [_megabytes(one) for one in tree]
    return sum(sizes), len([one for one in sizes if one])


def _parent(entry: str) -> tuple[int, int] | None:
    try:
        return int(entry), int(Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _megabytes(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))
