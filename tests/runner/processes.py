"""Starts the workers and reads what they say; nothing of theirs is left when this ends."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from libs.devstack.servers.processes import Program, bound_to_parent
from tests.runner import records
from tests.runner.worker import BOARD, CHANNEL, ENDED, NUMBER

GRACE_S = 30.0
# pytest's own words would be read twice: what is printed here is what tests print, and what breaks pytest itself.
_QUIET = ("-qq", "--no-header", "--no-summary", "-p", "tests.runner.worker")


@dataclass(frozen=True)
class Printed:
    """A line that a test printed."""

    line: str


@dataclass(frozen=True)
class Ended:
    """A worker's process has ended."""

    exit_code: int


Said = records.Record | Printed | Ended


class Workers:
    """Running workers. `said` gives what they say with the worker's number, until all have ended."""

    def __init__(self, board: Path, count: int, arguments: Sequence[str]) -> None:
        self._board = board
        self._said: queue.SimpleQueue[tuple[int, Said]] = queue.SimpleQueue()
        self._processes: list[subprocess.Popen[str]] = []
        (board / "workers").write_text(str(count))
        for number in range(count):
            self._start(number, arguments)

    def said(self) -> Iterator[tuple[int, Said]]:
        """Return what each says, as soon as it does."""
        left = len(self._processes)
        while left:
            number, said = self._said.get()
            if isinstance(said, Ended):
                left -= 1
                (self._board / ENDED.format(number)).touch()
            yield number, said

    def stop(self) -> None:
        """Let every worker end its servers; kill whoever takes too long."""
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + GRACE_S
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            with contextlib.suppress(ProcessLookupError):
                # Also what a worker that was killed has left in its group; its servers end with it.
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _start(self, number: int, arguments: Sequence[str]) -> None:
        reading, writing = os.pipe()
        command = [sys.executable, "-m", "pytest", *_QUIET, *arguments]
        own = {BOARD: str(self._board), NUMBER: str(number), CHANNEL: str(writing)}
        # It is interrupted when this process dies, however it does; a session of its own keeps Ctrl-C for this one.
        program = Program("worker", command, {}, Path(os.devnull), Path(os.devnull), stop_signal=signal.SIGINT)
        process = subprocess.Popen(
            bound_to_parent(program), env=os.environ | own, pass_fds=[writing], start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        )  # fmt: skip
        os.close(writing)
        self._processes.append(process)
        assert process.stdout is not None
        threads = [
            threading.Thread(target=self._read_records, args=(number, os.fdopen(reading)), daemon=True),
            threading.Thread(target=self._read_lines, args=(number, process.stdout), daemon=True),
        ]
        for thread in threads:
            thread.start()
        threading.Thread(target=self._await, args=(number, process, threads), daemon=True).start()

    def _read_records(self, number: int, channel: TextIO) -> None:
        with channel:
            for line in channel:
                self._said.put((number, records.read(line)))

    def _read_lines(self, number: int, output: TextIO) -> None:
        with output:
            for line in output:
                if line.strip():
                    self._said.put((number, Printed(line.rstrip())))

    def _await(self, number: int, process: "subprocess.Popen[str]", readers: Sequence[threading.Thread]) -> None:
        exit_code = process.wait()
        # Whatever it started and left behind may still hold its output open.
        for reader in readers:
            reader.join(1.0)
        self._said.put((number, Ended(exit_code)))


@contextlib.contextmanager
def workers(count: int, arguments: Sequence[str]) -> Iterator[Workers]:
    """Run so many workers with these arguments of pytest; none is left afterwards."""
    with tempfile.TemporaryDirectory(prefix="runner-") as board:
        running = Workers(Path(board), count, arguments)
        try:
            yield running
        finally:
            running.stop()
