"""Who takes part: how each one's worker is started, how it is set up, and how much it is given to do."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PROGRAMS = HERE / "programs"
REDIS_URL = "{redis_url}"
"""Stands for the server's address in a command."""


@dataclass(frozen=True)
class Contestant:
    """One way of running no-ops.

    `work` and `send` are command lines without the interpreter, `lock` names the locked requirements it needs (none:
    ours), `backlog` is how many messages it is given to drain in 3 to 10 s, `setup` says what was chosen, `after_kill`
    what its documentation and sources say about a kill -9 (docs/performance.md, "Recovery after kill -9").
    """

    name: str
    work: Sequence[str]
    send: Sequence[str]
    backlog: int
    setup: str
    lock: str = ""
    after_kill: str = ""

    def python(self, environments: Path) -> str:
        """Return the interpreter it runs with."""
        return str(environments / self.lock / "bin" / "python") if self.lock else sys.executable

    def command(self, environments: Path, redis_url: str) -> list[str]:
        """Return its worker's command line."""
        words = [redis_url if word == REDIS_URL else word for word in self.work]
        if self.lock:
            words[0] = str(environments / self.lock / "bin" / words[0])
        return [self.python(environments), *words]


BARE = Contestant(
    name="bare loop",
    work=["-m", "benchmarks.events.bare", "work"],
    send=["-m", "benchmarks.events.bare"],
    backlog=300_000,
    setup="redis-py asyncio, XREADGROUP COUNT 100, one XACK per read; no lease, no retry, no sweep, no order to stop",
)
OURS = Contestant(
    name="ours",
    work=["-m", "benchmarks.events.ours", "noop"],
    send=["-m", "benchmarks.events.ours"],
    backlog=200_000,
    setup="our consumer over RedisStreams, a no-op handler, 4 runs of up to 100 under way; all loops running",
)


PEERS = [
    Contestant(
        name="RQ",
        work=["rq", "worker", "bench", "--url", REDIS_URL, "--quiet"],
        send=[str(PROGRAMS / "rq_tasks.py")],
        backlog=400,
        setup="`rq worker`: a fork per job, the default",
        lock="requirements",
        after_kill="failed registry, looked at every 90 s to 10 min; not run again without Retry",
    ),
    Contestant(
        name="RQ-Simple",
        work=["rq", "worker", "bench", "--url", REDIS_URL, "--quiet", "-w", "rq.worker.SimpleWorker"],
        send=[str(PROGRAMS / "rq_tasks.py")],
        backlog=1_500,
        setup="`rq worker -w rq.worker.SimpleWorker`: no fork",
        lock="requirements",
        after_kill="as RQ",
    ),
    Contestant(
        name="arq",
        work=["arq", "arq_tasks.WorkerSettings"],
        send=[str(PROGRAMS / "arq_tasks.py")],
        backlog=6_000,
        setup="`arq`, max_jobs=100, keep_result=0",
        lock="arq",
        after_kill="310 s",
    ),
    Contestant(
        name="taskiq",
        work=["taskiq", "worker", "taskiq_tasks:broker", "--workers", "1", "--log-level", "WARNING"],
        send=[str(PROGRAMS / "taskiq_tasks.py")],
        backlog=12_000,
        setup="RedisStreamBroker, `taskiq worker --workers 1` (100 async tasks, its default)",
        lock="requirements",
        after_kill="600 s, and only after a new message has come",
    ),
    Contestant(
        name="Celery",
        work=["celery", "-A", "celery_tasks", "worker", "--pool", "solo", "-l", "WARNING"],
        send=[str(PROGRAMS / "celery_tasks.py")],
        backlog=4_000,
        setup="`celery worker --pool solo` (prefork was slower here), results ignored, prefetch multiplier 100",
        lock="requirements",
        after_kill="acknowledged before it runs: lost; with acks_late 3,600 s",
    ),
    Contestant(
        name="dramatiq",
        work=["dramatiq", "dramatiq_tasks", "--processes", "1", "--threads", "8"],
        send=[str(PROGRAMS / "dramatiq_tasks.py")],
        backlog=10_000,
        setup="`dramatiq --processes 1 --threads 8` (8 threads, its default)",
        lock="requirements",
        after_kill="60 s heartbeat, then maintenance by chance",
    ),
    Contestant(
        name="FastStream",
        work=["faststream", "run", "faststream_tasks:app"],
        send=[str(PROGRAMS / "faststream_tasks.py")],
        backlog=10_000,
        setup="streams with a group, max_records=100, logger=None",
        lock="requirements",
        after_kill="never, unless a second subscriber is configured",
    ),
    Contestant(
        name="huey",
        work=["huey_consumer", "huey_tasks.huey", "-w", "1", "-q"],
        send=[str(PROGRAMS / "huey_tasks.py")],
        backlog=8_000,
        setup="`huey_consumer -w 1` (one thread, its default; 8 were slower here), results off",
        lock="requirements",
        after_kill="lost",
    ),
]
