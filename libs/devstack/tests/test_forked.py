"""A forked process is what `python -m` would have made: its own modules, environment, output, session and end."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest

from libs.devstack.conditions import block_until
from libs.devstack.errors import DevstackError
from libs.devstack.provision import ROOT
from libs.devstack.servers.forked import ForkServer, fork_server
from libs.devstack.servers.processes import Process, Program, left_over, log_tail

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has a parent-death signal: run this on Linux"
)
WITHIN_S = 60.0
TELLS = """
    import json, os, sys
    import beside
    told = {
        "name": __name__, "arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ),
        "leads": os.getpid() == os.getsid(0), "ours": [m for m in sys.modules if m.partition(".")[0] == "libs"],
        "luck": os.urandom(4).hex(), "beside": beside.__file__,
    }
    print(json.dumps(told))
"""
SLEEPS = "import time; print('up', flush=True); time.sleep(600)"
STARTS = f"""
    from pathlib import Path
    import sys, time
    sys.path.insert(0, {str(ROOT)!r})
    from libs.devstack.servers.forked import fork_server
    from libs.devstack.servers.processes import Program
    folder = Path.cwd()
    arguments = [sys.executable, "-m", "sleeps"]
    program = Program("inner", arguments, {{}}, folder / "inner.log", folder / "inner.json", folder=folder)
    fork_server().launch(program)
    time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, code in {"tells": TELLS, "beside": "", "sleeps": SLEEPS, "starts": STARTS, "breaks": "1 / 0"}.items():
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(code))
    return tmp_path


def program(folder: Path, *module: str, **environment: str) -> Program:
    arguments = [sys.executable, "-m", *module]
    return Program("thing", arguments, environment, folder / "thing.log", folder / "thing.json", folder=folder)


def ended(process: Process) -> None:
    assert process.ends_within(WITHIN_S)


def until_said(process: Process, log: Path) -> None:
    while not (log.exists() and log_tail(log)):
        assert process.is_alive


def none_is_left(folder: Path) -> None:
    block_until(lambda: not left_over(folder), WITHIN_S)


def test_a_forked_program_runs_the_module_of_its_folder_with_what_it_was_given_and_nothing_else(folder: Path) -> None:
    ended(fork_server().launch(program(folder, "tells", "a", "b c", SAID="yes")))

    told = json.loads(log_tail(folder / "thing.log"))

    assert (told["name"], told["arguments"], told["folder"]) == ("__main__", ["a", "b c"], str(folder))
    assert told["environment"] == {"SAID": "yes"}
    assert told["beside"] == str(folder / "beside.py")
    assert told["leads"]
    assert told["ours"] == []


def test_what_breaks_says_so_and_ends(folder: Path) -> None:
    ended(fork_server().launch(program(folder, "breaks")))

    assert "ZeroDivisionError" in log_tail(folder / "thing.log")


def test_a_forked_program_ends_with_its_server_and_the_server_with_whoever_started_it(folder: Path) -> None:
    code = f"""
        import os, signal
        from pathlib import Path
        from libs.devstack.tests.test_forked import ForkServer, program, until_said
        server = ForkServer.started([])
        process = server.launch(program(Path({str(folder)!r}), "sleeps"))
        until_said(process, Path({str(folder)!r}) / "thing.log")
        os.kill(os.getpid(), signal.SIGKILL)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, timeout=WITHIN_S, check=False)

    assert killed.returncode == -signal.SIGKILL
    none_is_left(folder)


def test_one_that_serves_forks_others_which_end_with_it(folder: Path) -> None:
    outer = fork_server().launch(program(folder, "starts"), serves=True)
    for said in ("inner.log", "inner.json"):
        until_said(outer, folder / said)
    before = [process.name for process in left_over(folder)]

    outer.kill()

    none_is_left(folder)

    assert before == ["inner", "thing"]


def test_a_server_that_has_ended_is_named(folder: Path) -> None:
    server = ForkServer.started([])
    process = server.launch(program(folder, "sleeps"))
    parent = int(Path(f"/proc/{process.pid}/stat").read_text().split()[3])
    os.kill(parent, signal.SIGKILL)

    none_is_left(folder)

    with closing(server), pytest.raises(DevstackError, match="fork server"):
        server.launch(program(folder, "sleeps"))
