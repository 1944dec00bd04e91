"""Processes that are started, recognised again by another run, and stopped, by pid and start time together."""

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from libs.devstack.errors import DevstackError

LOOK_EVERY_S = 0.02
KILL_WITHIN_S = 10.0
LOG_TAIL_LINES = 15
_PARENT_DEATH = Path(__file__).with_name("parent_death.py")
_ON_LINUX = sys.platform == "linux"
# All children, so that none is warned about when it is collected before anybody has waited for it.
_STARTED: list["subprocess.Popen[bytes]"] = []


@dataclass(frozen=True)
class Program:
    """What to start. `mode` is parent_death.py's; `detached` programs outlive the process that starts them."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    record: Path
    stop_signal: int = signal.SIGTERM
    mode: str = "same"
    detached: bool = False
    folder: Path = field(default_factory=Path.cwd)


@dataclass(frozen=True)
class Record:
    """What is written down about a started process, so that a later run finds it and no other."""

    name: str
    pid: int
    started: str
    stop_signal: int
    detached: bool

    @property
    def is_alive(self) -> bool:
        """Whether this very process still runs (the pid alone may be somebody else's by now)."""
        return start_time(self.pid) == self.started

    def write(self, path: Path) -> None:
        """Keep the record."""
        path.write_text(json.dumps(asdict(self)))

    @staticmethod
    def read(path: Path) -> "Record | None":
        """Read a record; None when it is missing or was cut off while being written."""
        try:
            return Record(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return None


class Process:
    """A process we started, in this run or in an earlier one."""

    def __init__(self, record: Record, path: Path, popen: "subprocess.Popen[bytes] | None" = None) -> None:
        self._record = record
        self._path = path
        self._popen = popen

    @property
    def name(self) -> str:
        """What it is."""
        return self._record.name

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._record.pid

    @property
    def is_detached(self) -> bool:
        """Whether it was meant to outlive its starter."""
        return self._record.detached

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        if self._popen is not None:
            return self._popen.poll() is None
        return self._record.is_alive

    def signal(self, number: int) -> None:
        """Send a signal to the process; none if it is gone."""
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def ask_to_stop(self) -> None:
        """Ask it to end without waiting for it."""
        self.signal(self._record.stop_signal)

    def stop(self, grace_s: float) -> None:
        """Ask it to end; kill it when it has not within its grace."""
        self.ask_to_stop()
        if not self.ends_within(grace_s):
            self.kill()
        self._path.unlink(missing_ok=True)

    def kill(self) -> None:
        """End it and its children at once, as `kill -9` does. The record stays, as it would after a crash."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self.is_alive:
                # The group: it was started in a session of its own, so its children are in it and nobody else is.
                os.killpg(self.pid, signal.SIGKILL)
        if not self.ends_within(KILL_WITHIN_S):
            raise DevstackError(f"process {self.pid} ({self.name}) cannot be killed")

    def ends_within(self, limit_s: float) -> bool:
        """Wait for its end so long; tell whether it came."""
        deadline = time.monotonic() + limit_s
        while self.is_alive:
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_EVERY_S)
        return True


def launch(program: Program) -> Process:
    """Start a program in a session of its own (a terminal's Ctrl-C is ours alone), its output in its log.

    Unless detached it ends when the calling thread ends, so only the main thread may launch.
    """
    if not program.detached:
        refuse_other_threads()
    descriptor = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        popen = subprocess.Popen(
            bound_to_parent(program),
            env=dict(program.environment),
            cwd=program.folder,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    popen_kept(popen)
    return recorded(program, popen.pid, popen)


def refuse_other_threads() -> None:
    """Raise DevstackError unless this is the main thread."""
    if threading.current_thread() is not threading.main_thread():
        raise DevstackError("start the stack from the main thread: on Linux its servers end with their thread")


def recorded(program: Program, pid: int, popen: "subprocess.Popen[bytes] | None" = None) -> Process:
    """Write down that a program was started."""
    record = Record(program.name, pid, start_time(pid) or "gone", int(program.stop_signal), program.detached)
    record.write(program.record)
    return Process(record, program.record, popen)


def popen_kept(popen: "subprocess.Popen[bytes]") -> None:
    """Keep a child until this process ends."""
    if not _STARTED:
        atexit.register(_settle)
    _STARTED.append(popen)


def _settle() -> None:
    """Have Popen not warn of each process that outlives this one, or that was ended by its record."""
    for popen in _STARTED:
        if popen.poll() is None:
            popen.returncode = 0


def bound_to_parent(program: Program) -> list[str]:
    """Return the command line that becomes the program, through parent_death.py where that does something."""
    parent = 0 if program.detached else os.getpid()
    if not _ON_LINUX or (not parent and program.mode == "same"):
        return list(program.arguments)
    # Isolated and without site: nothing of the environment or of installed packages runs before the program does.
    command = [sys.executable, "-I", "-S", str(_PARENT_DEATH), str(parent), str(int(program.stop_signal)), program.mode]
    return [*command, *program.arguments]


def left_over(folder: Path) -> list[Process]:
    """Return the processes of earlier runs that are still alive; forget the records of the dead."""
    found = []
    for path in sorted(folder.glob("*.json")):
        record = Record.read(path)
        if record is not None and record.is_alive:
            found.append(Process(record, path))
        else:
            path.unlink(missing_ok=True)
    return found


def start_time(pid: int) -> str | None:
    """Return when a living process began, in the system's own words; None when there is none or only its zombie."""
    if _ON_LINUX:
        try:
            # proc(5): the state is field 3 and the start field 22; field 2 may hold spaces and parentheses.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else f"{_boot()}:{fields[19]}"
    shown = subprocess.run(["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, began = shown.stdout.strip().partition(" ")
    return began.strip() if state and not state.startswith("Z") else None


def log_tail(log: Path) -> str:
    """Return the end of a log, for an error message."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])
    except OSError:
        return "(no log)"


def _boot() -> str:
    # Start times count from the boot: after a restart of the machine another process could have the same one.
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
