"""Where contestants are run, one at a time: the same server, emptied before each, and marks read from outside."""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import redis

from benchmarks.events.contestants import PROGRAMS, Contestant
from libs.devstack.infra import Infra
from libs.devstack.provision import ROOT
from libs.devstack.servers.processes import Process, Program, launch, log_tail

LOOK_EVERY_S = 0.002
SEND_TIMEOUT_S = 300
DRAIN_TIMEOUT_S = 120.0
READY_WITHIN_S = 60.0
WARM_UP = 5


class DidNotFinishError(Exception):
    """A contestant did not do its work in time."""


@dataclass(frozen=True)
class Marks:
    """The file a worker's handlers write to."""

    path: Path

    def size(self) -> int:
        """Return how many bytes are in it: one for each no-op."""
        return self.path.stat().st_size

    def lines(self) -> int:
        """Return how many timed messages have come."""
        return self.path.read_bytes().count(b"\n")

    def latencies_ms(self) -> list[float]:
        """Return how long each timed message was under way."""
        pairs = (line.split() for line in self.path.read_text().lstrip(".").splitlines())
        return [(int(seen) - int(sent)) / 1e6 for sent, seen in pairs]


@dataclass
class Arena:
    """Servers, environments and the way to run programs in them."""

    infra: Infra
    environments: Path
    organization_id: UUID
    capability: str
    database_url: str
    empties_server: bool = True
    _number: int = 0

    def empty(self) -> None:
        """Forget whatever is on the server, if it is ours."""
        with redis.Redis.from_url(self.infra.redis_url) as client:
            if self.empties_server:
                client.flushall()
                return
            for pattern in ("{thing}:*", "bare"):
                for key in client.scan_iter(pattern):
                    client.delete(key)

    def send(self, contestant: Contestant, verb: str, *arguments: object, database: int = 0) -> None:
        """Run a contestant's sender to its end."""
        command = [contestant.python(self.environments), *contestant.send, verb, *map(str, arguments)]
        done = subprocess.run(
            command,
            env=self._environment({"BENCH_MARKS": os.devnull}, database),
            cwd=self.infra.folder.path,
            capture_output=True,
            text=True,
            timeout=SEND_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise DidNotFinishError(f"{contestant.name} cannot {verb}: {done.stderr[-1000:]}")

    @contextlib.contextmanager
    def working(self, contestant: Contestant, *, database: int = 0, **environment: str) -> Iterator["Worker"]:
        """Run a contestant's worker; it is killed on leaving."""
        command = contestant.command(self.environments, self._redis_url(database))
        with self.running(command, contestant.name, database=database, **environment) as worker:
            yield worker

    @contextlib.contextmanager
    def running(
        self, command: Sequence[str], name: str, *, database: int = 0, **environment: str
    ) -> Iterator["Worker"]:
        """Run a program that leaves marks; it is killed on leaving."""
        self._number += 1
        folder = self.infra.folder
        label = f"bench-{self._number}"
        marks = Marks(folder.path / f"{label}.marks")
        marks.path.write_bytes(b"")
        given = self._environment({"BENCH_MARKS": str(marks.path), **environment}, database)
        process = launch(Program(label, command, given, folder.log(label), folder.record(label), folder=folder.path))
        worker = Worker(process, marks, name, folder.log(label))
        try:
            yield worker
        finally:
            worker.kill()
            folder.record(label).unlink(missing_ok=True)

    def _redis_url(self, database: int) -> str:
        return self.infra.redis_url.rpartition("/")[0] + f"/{database}" if database else self.infra.redis_url

    def _environment(self, more: Mapping[str, str], database: int) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", ""),
            "LC_ALL": "C.UTF-8",
            "HOME": str(self.infra.folder.path),
            "PYTHONPATH": os.pathsep.join([str(PROGRAMS), str(ROOT)]),
            "BENCH_REDIS_URL": self._redis_url(database),
            "BENCH_DATABASE_URL": self.database_url,
            "BENCH_RELAY_URL": self.infra.relay_database_url,
            "BENCH_ORGANIZATION": str(self.organization_id),
            "BENCH_CAPABILITY": self.capability,
            **more,
        }


@dataclass(frozen=True)
class Worker:
    """A worker that runs."""

    process: Process
    marks: Marks
    name: str
    log: Path

    def wait_for(self, count: int, timeout_s: float = DRAIN_TIMEOUT_S) -> float:
        """Return when (monotonic seconds) at least `count` bytes of marks are there."""
        return self.until(lambda: self.marks.size() >= count, timeout_s)

    def until(self, happened: Callable[[], bool], timeout_s: float = DRAIN_TIMEOUT_S) -> float:
        """Return when (monotonic seconds) it has happened; raises DidNotFinishError."""
        deadline = time.monotonic() + timeout_s
        while not happened():
            if time.monotonic() > deadline or not self.process.is_alive:
                raise DidNotFinishError(
                    f"{self.name} stopped or took more than {timeout_s:.0f} s:\n{log_tail(self.log)}"
                )
            time.sleep(LOOK_EVERY_S)
        return time.monotonic()

    def kill(self) -> float:
        """End it and its children as `kill -9` does; return when (monotonic seconds)."""
        at = time.monotonic()
        self.process.kill()
        return at
