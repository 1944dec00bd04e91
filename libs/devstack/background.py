"""`make up` and `make down`: the same system, kept running after the command has ended."""

import asyncio
import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from libs.contracts.services import SERVICES
from libs.devstack.errors import DevstackError
from libs.devstack.provision import ROOT
from libs.devstack.servers import servers
from libs.devstack.servers.folder import Folder
from libs.devstack.servers.processes import Process, left_over
from libs.devstack.services import is_healthy
from libs.devstack.stack import Stack, provisioned
from libs.ops.rest.client import Gateway
from libs.ops.rest.connection import Connection

FOLDER = ROOT / ".devstack"
TENANT_NAME = "Development"
KEY_NAME = "make up"
TIMEOUT_S = 10.0
OK = 200


@dataclass(frozen=True)
class Access:
    """How to reach a system that is up."""

    url: str
    api_key: str
    ops_database_url: str
    redis_url: str


def up(folder: Folder) -> Access:
    """Start everything in the background, or find it running; whatever is half up is started anew."""
    with folder.locked():
        gateway = _gateway_url(folder)
        if gateway is None or None in _stores(folder) or not _is_whole(folder):
            gateway = _start(folder)
        return Access(gateway, _api_key(folder, gateway), *map(str, _stores(folder)))


def given() -> Mapping[str, str]:
    """Return the servers that somebody else runs, as host:port by the variable that names them."""
    return servers.from_environment(os.environ).places()


def down(folder: Folder) -> int:
    """Stop everything; return how many processes that were."""
    with folder.locked():
        return servers.stop_left_over(folder)


@dataclass(frozen=True)
class State:
    """One process as `status` shows it."""

    name: str
    pid: int
    word: str


def status(folder: Folder) -> list[State]:
    """Return what runs, and whether the services say they are healthy."""
    ports = _service_ports(folder)
    return [State(process.name, process.pid, _word(process, ports)) for process in left_over(folder.records)]


def _word(process: Process, ports: dict[str, int]) -> str:
    if process.name not in ports:
        return "running"
    return "healthy" if is_healthy(f"http://127.0.0.1:{ports[process.name]}") else "unavailable"


def _start(folder: Folder) -> str:
    servers.stop_left_over(folder)
    with contextlib.ExitStack() as undo:
        # Whatever breaks on the way leaves nothing running.
        undo.callback(servers.stop_left_over, folder)
        infra = provisioned(folder, servers.start(folder, detached=True))
        # For the operators' tools, who ask again when nothing has to be started.
        folder.keep("ops_database_url", infra.ops_database_url)
        folder.keep("redis_url", infra.redis_url)
        stack = Stack.over(infra, detached=True)
        stack.start_services()
        # It is whole: from here on it is meant to go on without us.
        undo.pop_all()
    return stack.gateway_url


def _stores(folder: Folder) -> tuple[str | None, str | None]:
    return folder.kept("ops_database_url"), folder.kept("redis_url")


def _is_whole(folder: Folder) -> bool:
    states = {state.name: state.word for state in status(folder)}
    return servers.expected(os.environ) <= states.keys() and all(states.get(name) == "healthy" for name in SERVICES)


def _gateway_url(folder: Folder) -> str | None:
    port = _service_ports(folder).get("gateway")
    return None if port is None else f"http://127.0.0.1:{port}"


def _service_ports(folder: Folder) -> dict[str, int]:
    # Not strict: a folder also keeps the ports of the `work` processes (stack.py), and has none before its first
    # start.
    return dict(zip(SERVICES, folder.known_ports("services"), strict=False))


def _api_key(folder: Folder, url: str) -> str:
    kept = folder.kept("api_key")
    # The database may have been wiped since the key was kept.
    if kept is not None and _is_accepted(url, kept):
        return kept
    made = asyncio.run(_bootstrap(url, folder.secret("operator_token")))
    folder.keep("api_key", made)
    return made


async def _bootstrap(url: str, operator_token: str) -> str:
    async with Gateway(Connection(url=url, operator_token=operator_token)) as gateway:
        return (await gateway.bootstrap(TENANT_NAME, KEY_NAME)).api_key


def _is_accepted(url: str, key: str) -> bool:
    try:
        answer = httpx.get(
            f"{url}/api/v1/me", headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=TIMEOUT_S
        )
    except httpx.TransportError as error:
        raise DevstackError(f"the gateway at {url} does not answer") from error
    return answer.status_code == OK
