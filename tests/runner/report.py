"""What is printed: each file as it ends, each failure as it happens, and at the end where the time went."""

import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.runner import records
from tests.runner.processes import Ended, Printed, Said

# pytest's exit codes: all passed, some failed, nothing collected.
ORDERLY = (0, 1, 5)
_BAD = ("failed", "broken")


@dataclass
class Stage:
    """A line of the table."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)


class Report:
    """Reads what the workers say. `whole` is the file that gets each failure's full text."""

    def __init__(self, whole: Path) -> None:
        self._whole = whole
        self._began = time.monotonic()
        self._stages: dict[str, Stage] = {}
        self._collected: dict[int, int] = {}
        self._doing: dict[int, str] = {}
        self._busy_s: dict[int, float] = {}
        self._until_s: dict[int, float] = {}
        self._failed: list[str] = []
        self._skipped: Counter[str] = Counter()
        self._wrong: list[str] = []
        whole.parent.mkdir(parents=True, exist_ok=True)
        whole.write_text("")

    def hear(self, number: int, said: Said) -> None:
        """Print what is to be seen now, keep the rest."""
        match said:
            case Printed(line):
                _show(line)
            case Ended(exit_code):
                self._leaves(number, exit_code)
            case records.Failed():
                self._fails(said)
            case records.Done():
                self._ends(number, said)
            case _:
                self._keep(number, said)

    def sum_up(self, *, interrupted: bool = False) -> int:
        """Print the table and the last line; return the exit code."""
        for line in (*self._table(), *self._idle()):
            _show(line)
        for why, count in self._skipped.most_common():
            _show(f"skipped {count}: {why}")
        for test in self._failed:
            _show(f"FAILED {test}")
        counts = sum((stage.outcomes for stage in self._stages.values()), Counter[str]())
        if not interrupted:
            self._check(sum(counts[outcome] for outcome in ("passed", "failed", "skipped")), counts["broken"])
        for wrong in self._wrong:
            _show(f"WRONG {wrong}")
        words = ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in ("passed", "skipped", *_BAD))
        cpu = sum(stage.cpu_s for stage in self._stages.values())
        words = f"interrupted: {words}" if interrupted else words
        _show(f"{words} in {time.monotonic() - self._began:.0f} s (CPU {cpu:.0f} s, {len(self._collected)} workers)")
        if interrupted:
            return 130
        return 1 if self._failed or self._wrong else 0

    def _keep(self, number: int, said: records.Collected | records.Begun | records.Skipped) -> None:
        match said:
            case records.Collected(tests):
                self._collected[number] = tests
            case records.Begun(unit):
                self._doing[number] = unit
            case records.Skipped(_, why):
                self._skipped[why] += 1

    def _leaves(self, number: int, exit_code: int) -> None:
        if exit_code not in ORDERLY:
            self._wrong.append(f"worker {number} ended with {exit_code} in {self._doing.get(number, 'no test')}")

    def _fails(self, failure: records.Failed) -> None:
        if failure.test in self._failed:
            return  # a file that no worker can read
        self._failed.append(failure.test)
        with self._whole.open("a") as file:
            file.write(f"=== {failure.test}\n{failure.whole}\n")
        _show(f"\nFAILED {failure.test}\n{failure.text}\n(all of it: {self._whole})\n")

    def _ends(self, number: int, done: records.Done) -> None:
        self._busy_s[number] = self._busy_s.get(number, 0.0) + done.wall_s
        self._until_s[number] = time.monotonic() - self._began
        stage = self._stages.setdefault(done.stage, Stage())
        stage.wall_s += done.wall_s
        stage.cpu_s += done.cpu_s
        stage.outcomes.update(done.outcomes)
        counts = ", ".join(f"{count} {outcome}" for outcome, count in done.outcomes.items())
        _show(f"{time.monotonic() - self._began:6.0f} s  {done.unit}: {counts} in {done.wall_s:.1f} s")

    def _check(self, reported: int, broken: int) -> None:
        """Whatever was collected must have been told of: a test that was never run has not passed."""
        if len(set(self._collected.values())) != 1:
            self._wrong.append(f"the workers collected different tests: {sorted(self._collected.values())}")
        collected = max(self._collected.values(), default=0)
        if not collected:
            self._wrong.append("no test was found")
        elif not collected - broken <= reported <= collected:
            self._wrong.append(f"{collected} tests were collected and {reported} reported")

    def _idle(self) -> Iterable[str]:
        """Tell how long each worker had tests: what it waited at the end is what the longest file took too long."""
        for number, busy_s in sorted(self._busy_s.items()):
            yield f"worker {number}: {busy_s:.0f} s in tests, the last until {self._until_s[number]:.0f} s"

    def _table(self) -> Iterable[str]:
        yield f"\n{'seconds':>8} {'CPU':>7} {'tests':>6} {'bad':>4}  stage"
        for name, stage in sorted(self._stages.items(), key=lambda pair: -pair[1].wall_s):
            bad = sum(stage.outcomes[outcome] for outcome in _BAD)
            tests = sum(stage.outcomes.values())
            yield f"{stage.wall_s:8.1f} {stage.cpu_s:7.1f} {tests:6} {bad:4}  {name}"


def _show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
