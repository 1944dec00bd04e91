"""The whole system on one machine, as a context manager: servers, database, six services.

with Stack.running() as stack:                     # in a throwaway folder
    httpx.get(f"{stack.gateway_url}/health")
    stack.process("chat").kill()
    stack.process("chat").start()
    stack.servers.kill("valkey")
    stack.servers.start_again("valkey")
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from libs.contracts.services import SERVICES
from libs.devstack import infra as infrastructure
from libs.devstack.infra import DATABASE_NAME, Infra
from libs.devstack.servers import postgres, servers
from libs.devstack.servers.folder import Folder
from libs.devstack.servers.proxy import TcpProxy
from libs.devstack.servers.proxy import proxies as proxies_of
from libs.devstack.servers.servers import Servers
from libs.devstack.services import ServiceProcess, Site, inherited

Env = Literal["dev", "test", "production"]


@dataclass(frozen=True)
class StackOptions:
    """How to run the services.

    `environment` is set for all of them, `per_service` for one (`{"transcriber": {"DEEPGRAM_BASE_URL": url}}`) or for
    one process of it (`{"transcriber-work-2": ...}`).
    `split` runs `api` and `work` of each service as two processes (`chat` and `chat-work`).
    `replicas` says how many `work` processes a service has (`{"chat": 2}` adds `chat-work-2`); it needs `split`.
    `proxied` puts a TCP proxy between the services and each server (`Stack.proxies`), for a test to cut and stall.
    `vendor_keys` hands the vendors' API keys of this process's environment on; without them the local models work.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    per_service: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    split: bool = False
    replicas: Mapping[str, int] = field(default_factory=dict)
    proxied: bool = False
    env: Env = "dev"
    vendor_keys: bool = True

    def modes(self) -> dict[str, str]:
        """Return every process's name with what it runs."""
        if not self.split:
            return dict.fromkeys(SERVICES, "all")
        more = [f"{service}-work-{n}" for service, count in self.replicas.items() for n in range(2, count + 1)]
        names = {"api": SERVICES, "work": [*(f"{service}-work" for service in SERVICES), *more]}
        return {name: mode for mode, its in names.items() for name in its}

    def environment_of(self, name: str) -> dict[str, str]:
        """Return what is set for one process beside what it always has."""
        service = name.partition("-")[0]
        return {**self.environment, **self.per_service.get(service, {}), **self.per_service.get(name, {})}


DEFAULTS = StackOptions()
NO_PROXIES: Mapping[str, TcpProxy] = {}


class Stack:
    """A running system."""

    def __init__(self, site: Site, processes: Mapping[str, ServiceProcess], proxies: Mapping[str, TcpProxy]) -> None:
        self._site = site
        self._processes = processes
        self.infra = site.infra
        self.proxies = proxies

    @classmethod
    @contextlib.contextmanager
    def running(cls, folder: Path | None = None, options: StackOptions = DEFAULTS) -> "Iterator[Stack]":
        """Run everything for as long as the context lasts; without a folder, in one that is gone afterwards.

        Only the main thread may: on Linux all processes end with the thread that starts them.
        """
        with contextlib.ExitStack() as its:
            infra = its.enter_context(infrastructure.throwaway() if folder is None else kept(Folder(folder)))
            proxies = its.enter_context(proxies_of(infra.server_addresses)) if options.proxied else {}
            stack = cls.over(infra, options, proxies=proxies)
            # Before the start, so that one service which does not come up leaves no other running; a throwaway folder
            # needs no grace.
            its.callback(stack.stop_services, at_once=folder is None)
            stack.start_services()
            yield stack

    @classmethod
    def over(
        cls,
        infra: Infra,
        options: StackOptions = DEFAULTS,
        *,
        detached: bool = False,
        proxies: Mapping[str, TcpProxy] = NO_PROXIES,
    ) -> "Stack":
        """Prepare the services over running servers; `start_services` starts them."""
        modes = options.modes()
        # Ports of both ways, so that a folder keeps its ports whichever way it is run.
        usual = [*SERVICES, *(f"{service}-work" for service in SERVICES)]
        ports = dict(zip(usual, infra.folder.ports("services", len(usual)), strict=True))
        more = [name for name in modes if name not in ports]
        if more:
            ports |= zip(more, infra.folder.ports("replicas", len(more)), strict=True)
        site = Site(
            infra=infra,
            ports=ports,
            env=options.env,
            detached=detached,
            inherited=inherited(with_vendor_keys=options.vendor_keys),
            detours={infra.server_addresses[name]: proxy.address for name, proxy in proxies.items()},
        )
        processes = {
            name: ServiceProcess(site, name, mode, options.environment_of(name)) for name, mode in modes.items()
        }
        return cls(site, processes, proxies)

    @property
    def gateway_url(self) -> str:
        """The public URL."""
        return self.url("gateway")

    @property
    def operator_token(self) -> str:
        """What opens the operators' API."""
        return self.infra.folder.secret("operator_token")

    @property
    def folder(self) -> Path:
        """Where data, logs and records are."""
        return self.infra.folder.path

    @property
    def processes(self) -> Mapping[str, ServiceProcess]:
        """The services' processes by name."""
        return self._processes

    def url(self, service: str) -> str:
        """Return where a service's HTTP is."""
        return self._site.url(service)

    def process(self, name: str) -> ServiceProcess:
        """Return a service's process: `chat`, and with `split` also `chat-work`."""
        return self._processes[name]

    @property
    def servers(self) -> Servers:
        """PostgreSQL, Valkey and SeaweedFS, to be killed and started again by name."""
        return self.infra.servers

    def start_services(self) -> None:
        """Start all services at once and wait until each is healthy."""
        for process in self._processes.values():
            # All are launched before any is waited for: they start side by side.
            process.launch()
        for process in self._processes.values():
            process.wait()

    def stop_services(self, *, at_once: bool = False) -> None:
        """Ask all services to end, then wait for each within its grace; `at_once` without grace."""
        for process in self._processes.values():
            if at_once:
                process.kill()
            else:
                process.ask_to_stop()
        for process in self._processes.values():
            process.stop()


@contextlib.contextmanager
def kept(folder: Folder) -> Iterator[Infra]:
    """Run servers over a folder that stays."""
    with folder.locked(), servers.running(folder) as up:
        yield provisioned(folder, up)


def provisioned(folder: Folder, up: Servers) -> Infra:
    """Bring a kept folder's database to its newest state; somebody else's server keeps the database its URL names."""
    name = DATABASE_NAME if postgres.NAME in up.processes else None
    return infrastructure.provisioned(folder, up, name)
