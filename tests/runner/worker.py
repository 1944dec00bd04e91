"""The pytest plugin of a worker: it takes units that nobody has taken, and tells the runner what became of each."""

import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.runner import records
from tests.runner.screen import bounded
from tests.runner.units import Unit, stage, units
from tests.runner.usage import cpu_s

BOARD, NUMBER, CHANNEL = "RUNNER_BOARD", "RUNNER_NUMBER", "RUNNER_CHANNEL"
ENDED = "ended-{}"
LOOK_EVERY_S = 0.1


class Worker:
    """One of several processes that share the tests. Worker 0 also runs what must run alone, once the others ended."""

    def __init__(self, board: Path, number: int, channel: int) -> None:
        self._board, self._number = board, number
        self._channel = os.fdopen(channel, "w")
        self._outcomes: Counter[str] = Counter()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Tell how many tests there are."""
        self._tell(records.Collected(len(session.items)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run what this worker gets."""
        if session.testsfailed:
            raise session.Interrupted("not everything could be collected")
        for unit in units(session.items):
            if self._takes(unit):
                self._run(session, unit)
        return True

    def pytest_report_teststatus(self) -> tuple[str, str, str]:
        """Print nothing for a test: the runner prints a line for a file."""
        return "told", "", ""

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tell of a file that cannot be read."""
        if report.failed:
            self._tell(records.Failed(report.nodeid, bounded(report), report.longreprtext))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell of a failure when it happens, and of a skip."""
        if report.failed:
            self._outcomes["failed" if report.when == "call" else "broken"] += 1
            self._tell(records.Failed(report.nodeid, bounded(report), _whole(report)))
        elif report.skipped:
            self._outcomes["skipped"] += 1
            why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
            self._tell(records.Skipped(report.nodeid, why.removeprefix("Skipped: ")))
        elif report.when == "call":
            self._outcomes["passed"] += 1

    def close(self) -> None:
        """Let the runner know that nothing more will be told."""
        self._channel.close()

    def _takes(self, unit: Unit) -> bool:
        if unit.alone:
            if self._number != 0:
                return False
            self._wait_for_others()
        try:
            (self._board / unit.name.replace("/", "%")).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def _wait_for_others(self) -> None:
        # The runner writes these down when a worker's process has ended, however it did, and with it its servers.
        while not all(path.exists() for path in self._others()):
            time.sleep(LOOK_EVERY_S)

    def _others(self) -> list[Path]:
        count = int((self._board / "workers").read_text())
        return [self._board / ENDED.format(number) for number in range(count) if number != self._number]

    def _run(self, session: pytest.Session, unit: Unit) -> None:
        self._tell(records.Begun(unit.name))
        self._outcomes.clear()
        began, used = time.monotonic(), cpu_s()
        # Which file follows is not known yet. The session in its place makes pytest clean up after this file, and keep
        # what belongs to the whole run.
        for item, following in zip(unit.items, [*unit.items[1:], session], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)
        wall, cpu = time.monotonic() - began, cpu_s() - used
        self._tell(records.Done(unit.name, stage(unit.file), wall, cpu, dict(self._outcomes)))

    def _tell(self, record: records.Record) -> None:
        records.tell(self._channel, record)


def _whole(report: pytest.TestReport) -> str:
    sections = (f"--- {title} ---\n{text}" for title, text in report.sections)
    return "\n".join([report.longreprtext, *sections])


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Say nothing more."""
    worker = config.pluginmanager.get_plugin("worker")
    if isinstance(worker, Worker):
        worker.close()


def pytest_configure(config: pytest.Config) -> None:
    """Become a worker of the runner that started this process."""
    # Whoever was started in the background was told to ignore it, and the runner ends its workers with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    board, number, channel = (os.environ.pop(name) for name in (BOARD, NUMBER, CHANNEL))
    config.pluginmanager.register(Worker(Path(board), int(number), int(channel)), "worker")
