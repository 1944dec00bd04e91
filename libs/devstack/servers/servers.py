"""The three servers together: ours on this machine, or those whose addresses the environment names."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from libs.devstack.errors import DevstackError
from libs.devstack.servers import containers, postgres, seaweed, valkey
from libs.devstack.servers.addresses import BUCKET, Addresses, ObjectStore
from libs.devstack.servers.folder import Folder
from libs.devstack.servers.processes import Process, left_over, log_tail


class Server(Protocol):
    """A server that has been launched."""

    @property
    def process(self) -> Process:
        """Its process."""

    def wait(self) -> None:
        """Return once it serves."""


STARTS_MAX = 3
GRACE_S = 15.0
CONNECT_TIMEOUT_S = 5.0
_STARTERS: Mapping[str, Callable[[Folder, bool], Server]] = {
    postgres.NAME: postgres.start,
    valkey.NAME: valkey.start,
    seaweed.NAME: seaweed.start,
}
LIBPQ_SCHEME = "postgresql://"


@dataclass
class Servers:
    """Running servers and their addresses. `processes` holds only those that are ours."""

    folder: Folder
    addresses: Addresses
    processes: dict[str, Process] = field(default_factory=dict)

    def kill(self, name: str) -> None:
        """End one of ours (`postgres`, `valkey`, `seaweedfs`) at once, as `kill -9` does."""
        self.processes[name].kill()

    def start_again(self, name: str) -> None:
        """Start one of ours that was killed, on its old port."""
        self.launch_again(name).wait()

    def launch_again(self, name: str) -> Server:
        """Begin to start one of ours that was killed; `wait` for it before use, from any thread."""
        server = _STARTERS[name](self.folder, self.processes[name].is_detached)
        self.processes[name] = server.process
        return server

    def stop(self, *, at_once: bool = False) -> None:
        """End ours; `at_once` without grace, for a folder that is thrown away."""
        for process in self.processes.values():
            if at_once:
                process.kill()
            else:
                process.ask_to_stop()
        for process in self.processes.values():
            process.stop(GRACE_S)
        if seaweed.NAME in self.processes:
            seaweed.remove_sockets(self.folder.known_ports(seaweed.NAME))


@contextlib.contextmanager
def running(folder: Folder, *, throwaway: bool = False) -> Iterator[Servers]:
    """Run servers in a locked folder for as long as the context lasts; `TEST_INFRA=containers` asks Docker for them."""
    if os.environ.get("TEST_INFRA") == "containers":
        with containers.running() as addresses:
            yield Servers(folder, addresses)
        return
    servers = start(folder)
    try:
        yield servers
    finally:
        servers.stop(at_once=throwaway)


def start(folder: Folder, *, detached: bool = False, environment: Mapping[str, str] = os.environ) -> Servers:
    """Start what the environment does not name, all at once, after stopping what an earlier run left behind."""
    clear(folder)
    given = from_environment(environment)
    # The last try stands behind the loop, so that its error is the one that is raised.
    for _ in range(STARTS_MAX - 1):
        try:
            return _started_or_none_left(folder, given, detached)
        except DevstackError:
            # Between choosing a port and listening on it somebody else may take it.
            if not _lost_a_port(folder):
                raise
    return _started_or_none_left(folder, given, detached)


def _started_or_none_left(folder: Folder, given: "Given", detached: bool) -> Servers:
    with contextlib.ExitStack() as undo:
        undo.callback(stop_left_over, folder)
        servers = _start(folder, given, detached)
        undo.pop_all()
    return servers


def expected(environment: Mapping[str, str]) -> set[str]:
    """Return the names of the servers that are ours to run: those whose address nobody gave."""
    given = from_environment(environment)
    addresses = {
        postgres.NAME: given.admin_url,
        valkey.NAME: given.redis_url,
        seaweed.NAME: given.object_store,
    }
    return {name for name, address in addresses.items() if address is None}


def clear(folder: Folder) -> None:
    """Stop orphans of a killed run; refuse when `up` keeps a system running here."""
    if any(process.is_detached for process in left_over(folder.records)):
        raise DevstackError(f"a system is up in {folder.path}; `make down` first")
    stop_left_over(folder)


def stop_left_over(folder: Folder) -> int:
    """Stop every recorded process that still runs; return how many there were. Services first, servers last."""
    found = left_over(folder.records)
    # A service that still runs when its database is gone would log errors of a failure that is none.
    for are_servers in (False, True):
        same = [process for process in found if (process.name in _STARTERS) == are_servers]
        for process in same:
            process.ask_to_stop()
        for process in same:
            process.stop(GRACE_S)
    seaweed.remove_sockets(folder.known_ports(seaweed.NAME))
    return len(found)


def _start(folder: Folder, given: "Given", detached: bool) -> Servers:
    # Before anything of ours starts: a mistyped address is told at once and leaves nothing running.
    given.check()
    begun: dict[str, Server] = {}
    store, redis_url, admin_url = given.object_store, given.redis_url, given.admin_url
    # The slowest first; PostgreSQL's initdb runs while the others boot.
    if store is None:
        begun[seaweed.NAME] = weed = seaweed.start(folder, detached)
        store = weed.object_store
    if redis_url is None:
        begun[valkey.NAME] = cache = valkey.start(folder, detached)
        redis_url = cache.url
    if admin_url is None:
        begun[postgres.NAME] = database = postgres.start(folder, detached)
        admin_url = database.url
    for server in begun.values():
        server.wait()
    processes = {name: server.process for name, server in begun.items()}
    return Servers(folder, Addresses(admin_url, redis_url, store), processes)


@dataclass(frozen=True)
class Given:
    """The servers that somebody else runs."""

    admin_url: str | None
    redis_url: str | None
    object_store: ObjectStore | None

    def places(self) -> dict[str, str]:
        """Return where they are, as host:port by the variable that names them."""
        urls = {"DATABASE_URL": (self.admin_url, 5432), "REDIS_URL": (self.redis_url, 6379)}
        places = {name: _place(url, port) for name, (url, port) in urls.items() if url}
        return places | ({"MINIO_ENDPOINT": self.object_store.endpoint} if self.object_store else {})

    def check(self) -> None:
        """Raise DevstackError for one where nobody listens."""
        for variable, place in self.places().items():
            host, _, port = place.rpartition(":")
            try:
                with socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT_S):
                    pass
            except (OSError, ValueError) as error:
                raise DevstackError(
                    f"{variable} names a server at {place}, and nobody answers there;"
                    f" start it, or unset {variable} to have one started here"
                ) from error


def _place(url: str, port: int) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname or '127.0.0.1'}:{parts.port or port}"


def from_environment(environment: Mapping[str, str]) -> Given:
    """Read DATABASE_URL (a superuser's), REDIS_URL and MINIO_ENDPOINT with its keys; what is not set is not given."""
    url = environment.get("DATABASE_URL") or None
    endpoint = environment.get("MINIO_ENDPOINT")
    if not endpoint:
        return Given(_plain(url), environment.get("REDIS_URL") or None, None)
    access_key, secret_key = environment.get("MINIO_ACCESS_KEY"), environment.get("MINIO_SECRET_KEY")
    if not access_key or not secret_key:
        raise DevstackError("MINIO_ENDPOINT needs MINIO_ACCESS_KEY and MINIO_SECRET_KEY")
    secure = endpoint.startswith("https://") or environment.get("MINIO_SECURE", "false").lower() == "true"
    address = urlsplit(endpoint).netloc if "://" in endpoint else endpoint
    store = ObjectStore(address, access_key, secret_key, environment.get("MINIO_BUCKET") or BUCKET, secure)
    return Given(_plain(url), environment.get("REDIS_URL") or None, store)


def _plain(url: str | None) -> str | None:
    """Return the URL as libpq reads it, without SQLAlchemy's driver."""
    if url is None:
        return None
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise DevstackError("DATABASE_URL must begin with postgresql://")
    return LIBPQ_SCHEME + rest


def _lost_a_port(folder: Folder) -> bool:
    # PostgreSQL, Valkey and SeaweedFS agree on these words and on no capital before them.
    return any("ddress already in use" in log_tail(folder.log(name)) for name in _STARTERS)
