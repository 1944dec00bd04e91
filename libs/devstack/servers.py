"""The three servers together: ours on this machine, or those whose addresses the environment names."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from libs.devstack import containers, postgres, seaweed, valkey
from libs.devstack.addresses import BUCKET, Addresses, ObjectStore
from libs.devstack.errors import DevstackError
from libs.devstack.folder import Folder
from libs.devstack.processes import Process, left_over

STARTS_MAX = 3
GRACE_S = 15.0
LIBPQ_SCHEME = "postgresql://"


@dataclass
class Servers:
    """Running servers and their addresses. `processes` holds only those that are ours."""

    addresses: Addresses
    processes: dict[str, Process] = field(default_factory=dict)

    def stop(self, *, at_once: bool = False) -> None:
        """End ours; `at_once` without grace, for a folder that is thrown away."""
        for process in self.processes.values():
            if at_once:
                process.kill()
            else:
                process.stop(GRACE_S)


@contextlib.contextmanager
def running(folder: Folder, *, throwaway: bool = False) -> Iterator[Servers]:
    """Run servers in a locked folder for as long as the context lasts; `TEST_INFRA=containers` asks Docker for them."""
    if os.environ.get("TEST_INFRA") == "containers":
        with containers.running() as addresses:
            yield Servers(addresses)
        return
    servers = start(folder)
    try:
        yield servers
    finally:
        servers.stop(at_once=throwaway)


def start(folder: Folder, *, detached: bool = False) -> Servers:
    """Start what the environment does not name, all at once, after stopping what an earlier run left behind."""
    clear(folder)
    for attempt in range(STARTS_MAX):
        try:
            return _start(folder, detached)
        except DevstackError:
            stop_left_over(folder)
            # Between choosing a port and listening on it somebody else may take it.
            if attempt == STARTS_MAX - 1 or not _lost_a_port(folder):
                raise
    raise AssertionError("unreachable")


def clear(folder: Folder) -> None:
    """Stop orphans of a killed run; refuse when `up` keeps a system running here."""
    if any(process.is_detached for process in left_over(folder.records)):
        raise DevstackError(f"a system is up in {folder.path}; `make down` first")
    stop_left_over(folder)


def stop_left_over(folder: Folder) -> int:
    """Stop every recorded process that still runs; return how many there were. Services first, servers last."""
    found = left_over(folder.records)
    ours = (postgres.NAME, valkey.NAME, seaweed.NAME)
    for process in sorted(found, key=lambda process: process.name in ours):
        process.stop(GRACE_S)
    seaweed.remove_sockets(folder.known_ports(seaweed.NAME))
    return len(found)


def _start(folder: Folder, detached: bool) -> Servers:
    given = from_environment(os.environ)
    processes: dict[str, Process] = {}
    waits: list[Callable[[], None]] = []
    # The slowest first; PostgreSQL's initdb runs while the others boot.
    store = given.object_store
    if store is None:
        weed = seaweed.start(folder, detached=detached)
        processes[seaweed.NAME], store = weed.process, weed.object_store
        waits.append(lambda: seaweed.wait(weed, folder))
    redis_url = given.redis_url
    if redis_url is None:
        cache = valkey.start(folder, detached=detached)
        processes[valkey.NAME], redis_url = cache.process, cache.url
        waits.append(lambda: valkey.wait(cache, folder))
    admin_url = given.admin_url
    if admin_url is None:
        database = postgres.start(folder, detached=detached)
        processes[postgres.NAME], admin_url = database.process, database.url
    for wait in waits:
        wait()
    return Servers(Addresses(admin_url, redis_url, store), processes)


@dataclass(frozen=True)
class Given:
    """The servers that somebody else runs."""

    admin_url: str | None
    redis_url: str | None
    object_store: ObjectStore | None


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
    names = (postgres.NAME, valkey.NAME, seaweed.NAME)
    logs = [folder.log(name).read_text(errors="replace")[-4000:] for name in names if folder.log(name).exists()]
    return any("ddress already in use" in log for log in logs)
