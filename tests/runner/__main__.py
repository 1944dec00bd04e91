"""Runs all tests, or those below the given paths, or those that an expression names: `make test T=...`.

    python -m tests.runner                                 # all, three workers (JOBS=n for another number)
    python -m tests.runner services/chat tests/e2e         # what is below these paths
    python -m tests.runner --quick                         # what `make quick` runs
    python -m tests.runner -- --lf                         # pytest's own arguments
    python -m tests.runner "revoked and not vendor"        # what pytest's -k selects

Where servers are given by the environment (DATABASE_URL, REDIS_URL, MINIO_ENDPOINT) there is one worker, since two
would read each other's streams. FAILURES names the file that gets each failure's full text.
"""

import os
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from tests.runner.processes import workers
from tests.runner.report import Report
from tests.runner.units import QUICK

ROOT = Path(__file__).parents[2]
# Tests wait for servers as long as they compute: a third worker uses what two leave of two cores.
WORKERS = 3
_GIVEN = ("DATABASE_URL", "REDIS_URL", "MINIO_ENDPOINT")


def selected(words: Sequence[str]) -> list[str]:
    """Return pytest's arguments: paths and tests as they are, anything else as an expression."""
    if words[:1] == ["--"]:
        return list(words[1:])
    if list(words) == ["--quick"]:
        return [str(path.relative_to(ROOT)) for pattern in QUICK for path in sorted(ROOT.glob(pattern))]
    parts = shlex.split(" ".join(words))
    if all((ROOT / part.partition("::")[0]).exists() for part in parts):
        return parts
    return ["-k", " ".join(words)]


def workers_for(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Return how many workers share the tests: a few tests are over before a second one has its servers."""
    if jobs := environment.get("JOBS"):
        return int(jobs)
    return 1 if arguments or any(environment.get(name) for name in _GIVEN) else WORKERS


def run(words: Sequence[str]) -> int:
    """Run them; return the exit code."""
    arguments = selected(words)
    report = Report(Path(os.environ.get("FAILURES", ROOT / ".devstack" / "tests" / "failures.txt")))
    try:
        with workers(workers_for(arguments, os.environ), arguments) as running:
            for number, said in running.said():
                report.hear(number, said)
    except KeyboardInterrupt:
        return report.sum_up(interrupted=True)
    return report.sum_up()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    # Also where this was started in the background, with the first of them ignored.
    for interruption in (signal.SIGINT, signal.SIGTERM):
        signal.signal(interruption, _interrupt)
    sys.exit(run(sys.argv[1:]))
