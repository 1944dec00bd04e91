"""Waiting for a process to be ready, no longer than it lives and no longer than allowed."""

import time
from collections.abc import Callable
from pathlib import Path

from libs.devstack.errors import DevstackError
from libs.devstack.servers.processes import Process, log_tail

LOOK_EVERY_S = 0.05


class DiedError(DevstackError):
    """The process ended before it was ready."""


def until_ready(process: Process, log: Path, answers: Callable[[], bool], within_s: float) -> None:
    """Return once `answers()`; raise DiedError or DevstackError with the end of the log."""
    deadline = time.monotonic() + within_s
    while not answers():
        if not process.is_alive:
            raise DiedError(f"{process.name} ended at its start; the end of {log}:\n{log_tail(log)}")
        if time.monotonic() > deadline:
            raise DevstackError(f"{process.name} was not ready within {within_s:g} s; see {log}:\n{log_tail(log)}")
        time.sleep(LOOK_EVERY_S)
