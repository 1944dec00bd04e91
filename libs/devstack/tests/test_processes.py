"""Processes are ended with their starter, recognised by start time, and never confused with another's."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from libs.devstack.conditions import block_until
from libs.devstack.errors import DevstackError
from libs.devstack.provision import ROOT
from libs.devstack.servers.parent_death import EXIT_CANNOT, NOBODY
from libs.devstack.servers.processes import (
    Process,
    Program,
    Record,
    bound_to_parent,
    launch,
    left_over,
    log_tail,
    start_time,
)

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a parent-death signal: run this on Linux")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else: run this as root, as CI does")


def program(folder: Path, *arguments: str, mode: str = "same", detached: bool = False) -> Program:
    return Program(
        name="thing",
        arguments=arguments,
        environment={"PATH": os.environ["PATH"]},
        log=folder / "thing.log",
        record=folder / "thing.json",
        mode=mode,
        detached=detached,
    )


def sleeper(folder: Path, *, detached: bool = False) -> Process:
    return launch(program(folder, "/bin/sleep", "60", detached=detached))


def test_a_stopped_process_is_gone_and_forgotten(tmp_path: Path) -> None:
    process = sleeper(tmp_path)

    process.stop(5)

    assert not process.is_alive
    assert not (tmp_path / "thing.json").exists()


def test_a_process_that_does_not_listen_is_killed_after_its_grace(tmp_path: Path) -> None:
    process = launch(program(tmp_path, "/bin/sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"))
    while log_tail(tmp_path / "thing.log") != "deaf":
        assert process.is_alive

    process.stop(0.2)

    assert not process.is_alive


def test_kill_takes_the_children_along(tmp_path: Path) -> None:
    process = launch(program(tmp_path, "/bin/sh", "-c", "sleep 60 & echo $!; wait"))
    while not (child := log_tail(tmp_path / "thing.log")):
        assert process.is_alive

    process.kill()

    # The kernel ends a killed child a moment after the signal; left alone it would sleep for a minute.
    block_until(lambda: start_time(int(child)) is None)

    assert start_time(int(child)) is None


def test_another_run_finds_a_living_process_by_its_record(tmp_path: Path) -> None:
    process = sleeper(tmp_path, detached=True)

    (found,) = left_over(tmp_path)

    found.stop(5)

    assert (found.name, found.pid, found.is_detached) == ("thing", process.pid, True)
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": "thing"}'])
def test_a_record_that_was_cut_off_is_forgotten(tmp_path: Path, content: str) -> None:
    (tmp_path / "thing.json").write_text(content)

    assert left_over(tmp_path) == []
    assert not (tmp_path / "thing.json").exists()


def test_a_pid_with_another_start_time_is_another_process() -> None:
    ours = Record("thing", os.getpid(), start_time(os.getpid()) or "", signal.SIGTERM, False)

    assert ours.is_alive
    assert not Record("thing", os.getpid(), "earlier", signal.SIGTERM, False).is_alive


@on_linux
def test_a_thread_that_may_end_before_its_children_must_not_start_them(tmp_path: Path) -> None:
    refused = []

    def start() -> None:
        try:
            sleeper(tmp_path)
        except DevstackError as error:
            refused.append(str(error))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()

    assert "main thread" in refused[0]


@on_linux
def test_a_process_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    code = (
        "import sys, time, pathlib\n"
        "from libs.devstack.tests.test_processes import sleeper\n"
        "print(sleeper(pathlib.Path(sys.argv[1])).pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        starter.kill()
        starter.wait()
    block_until(lambda: start_time(pid) is None)

    assert start_time(pid) is None


@on_linux
@as_root
@pytest.mark.parametrize("mode", ["namespace", f"uid:{NOBODY}"])
def test_root_runs_a_program_as_nobody(tmp_path: Path, mode: str) -> None:
    seen = subprocess.run(
        bound_to_parent(program(tmp_path, "/usr/bin/id", "-u", mode=mode)), capture_output=True, check=False
    )
    if seen.returncode == EXIT_CANNOT:
        pytest.skip("this kernel forbids user namespaces: allow them (sysctl user.max_user_namespaces) to run this")

    assert seen.stdout.decode().strip() == str(NOBODY)
