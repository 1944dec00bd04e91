"""The runner itself: nothing is lost, nothing is left, and a failure is seen when it happens, on one screen."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from libs.devstack.conditions import block_until
from libs.devstack.provision import ROOT
from libs.devstack.servers.processes import start_time
from tests.runner import records
from tests.runner.__main__ import selected, workers_for
from tests.runner.processes import Ended, Printed, Said, workers
from tests.runner.report import Report
from tests.runner.screen import LINES_MAX, shortened
from tests.runner.units import IN_SEVERAL_PROCESSES, LONGEST, QUICK

WITHIN_S = 60.0
SETTINGS = """\
[pytest]
addopts = -p no:schemathesis -p no:valkey -p no:anyio -p no:platformdirs -p no:hypothesispytest -p no:cacheprovider
markers =
  alone: with nothing beside it
"""


def written(folder: Path, **files: str) -> list[str]:
    """Write files of tests; return them as pytest's arguments, away from this project's fixtures and settings."""
    (folder / "pytest.ini").write_text(SETTINGS)
    for name, code in files.items():
        (folder / f"test_{name}.py").write_text(textwrap.dedent(code))
    return [f"--rootdir={folder}", "-c", str(folder / "pytest.ini"), str(folder)]


def heard(arguments: list[str], report: Report, count: int = 2) -> list[tuple[int, Said]]:
    with workers(count, arguments) as running:
        said = list(running.said())
    for number, one in said:
        report.hear(number, one)
    return said


@pytest.fixture
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return Report(tmp_path_factory.mktemp("report") / "failures.txt")


def test_each_file_is_run_by_one_worker_and_all_are_counted(
    tmp_path: Path, report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {f"f{number}": "def test_a(): pass\ndef test_b(): pass\n" for number in range(6)}

    said = heard(written(tmp_path, **files), report)

    assert sorted(one.unit for _, one in said if isinstance(one, records.Done)) == sorted(f"test_{n}.py" for n in files)
    assert report.sum_up() == 0
    assert "12 passed, 0 skipped, 0 failed, 0 broken" in capsys.readouterr().out


def test_a_failure_is_told_before_its_file_has_ended_and_ends_with_exit_code_1(tmp_path: Path, report: Report) -> None:
    said = heard(written(tmp_path, bad="def test_a():\n  assert 1 == 2\ndef test_b(): pass\n"), report, count=1)

    kinds = [type(one) for _, one in said]

    assert kinds.index(records.Failed) < kinds.index(records.Done)
    assert report.sum_up() == 1


def test_what_tests_print_is_passed_on(tmp_path: Path, report: Report) -> None:
    code = "def test_a(capsys):\n  with capsys.disabled():\n    print('PROOF rain drops=0')\n"

    said = heard(written(tmp_path, says=code), report, count=1)

    assert Printed("PROOF rain drops=0") in [one for _, one in said]


@pytest.mark.parametrize("code", ["import no_such_module\n", "def test_a(no_such_fixture): pass\n"])
def test_what_cannot_be_read_or_set_up_is_a_failure(tmp_path: Path, report: Report, code: str) -> None:
    heard(written(tmp_path, good="def test_a(): pass\n", bad=code), report)

    assert report.sum_up() == 1


def test_a_worker_that_dies_is_noticed_with_the_file_it_died_in(
    tmp_path: Path, report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    heard(written(tmp_path, dies="import os\ndef test_a(): os.kill(os.getpid(), 9)\n"), report, count=1)

    assert report.sum_up() == 1
    assert "worker 0 ended with -9 in test_dies.py" in capsys.readouterr().out


def test_tests_that_are_never_told_of_have_not_passed(report: Report) -> None:
    for said in (records.Collected(2), records.Done("f", "s", 1.0, 1.0, {"passed": 1}), Ended(0)):
        report.hear(0, said)

    assert report.sum_up() == 1


def test_what_runs_alone_begins_when_the_other_workers_have_ended(tmp_path: Path, report: Report) -> None:
    alone = "import pytest\n@pytest.mark.alone\ndef test_a(): pass\ndef test_b(): pass\n"
    said = heard(written(tmp_path, f="def test_a(): pass\n", g=alone), report)

    at = said.index((0, records.Begun("test_g.py, alone")))

    assert (1, Ended(0)) in said
    assert all(isinstance(one, Ended) and number == 1 for number, one in said[at:] if number != 0)
    assert next(one for _, one in said[at:] if isinstance(one, records.Done)).outcomes == {"passed": 1}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whoever_ends_it_ends_everything_that_it_started(tmp_path: Path, number: signal.Signals) -> None:
    code = """
    import os, pathlib, subprocess, sys, time
    def test_a():
        child = subprocess.Popen(["sleep", "600"])
        pathlib.Path(os.environ["PIDS"]).write_text(f"{os.getpid()} {child.pid}")
        try:
            time.sleep(600)
        finally:
            child.kill()
            child.wait()
    """
    pids = tmp_path / "pids"
    pids_of_it = os.environ | {"PIDS": str(pids), "FAILURES": str(tmp_path / "failures.txt")}
    arguments = [sys.executable, "-m", "tests.runner", "--", *written(tmp_path, long=code)]
    with subprocess.Popen(arguments, cwd=ROOT, env=pids_of_it, stdout=subprocess.DEVNULL) as runner:
        block_until(lambda: pids.exists() and len(pids.read_text().split()) == 2, WITHIN_S)
        runner.send_signal(number)

    block_until(lambda: not any(start_time(int(pid)) for pid in pids.read_text().split()), WITHIN_S)


def test_paths_are_run_as_they_are_and_anything_else_is_an_expression() -> None:
    assert selected(["services/chat", "tests/e2e/test_audit.py::test_x"]) == [
        "services/chat",
        "tests/e2e/test_audit.py::test_x",
    ]
    assert selected(["revoked and not vendor"]) == ["-k", "revoked and not vendor"]
    assert selected([]) == []


def test_one_worker_runs_a_few_tests_and_all_on_servers_of_somebody_else() -> None:
    assert workers_for([], {}) == 3
    assert workers_for(["services/chat"], {}) == 1
    assert workers_for([], {"REDIS_URL": "redis://127.0.0.1"}) == 1
    assert workers_for([], {"JOBS": "4"}) == 4


def test_every_place_that_is_named_exists() -> None:
    assert [name for name in (*LONGEST, *IN_SEVERAL_PROCESSES) if not (ROOT / name).exists()] == []
    assert [pattern for pattern in QUICK if not any(ROOT.glob(pattern))] == []


def test_more_than_a_screen_loses_its_middle() -> None:
    lines = [str(number) for number in range(500)]

    short = shortened(lines)

    assert len(short) == LINES_MAX + 1
    assert (short[0], short[-1]) == ("0", "499")
