"""The six services as processes: what each one's environment holds, and nothing that another's does not need."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from libs.common.keys.key_wrapping import write_root_key
from libs.contracts.services import SERVICES
from libs.devstack.infra import Infra
from libs.devstack.provision import ROOT
from libs.devstack.servers.folder import Folder
from libs.devstack.servers.fork_server import INHERITED
from libs.devstack.servers.forked import fork_server
from libs.devstack.servers.processes import Process, Program, launch
from libs.devstack.servers.waiting import until_ready

READY_WITHIN_S = 120.0
STOP_WITHIN_S = 15.0
HEALTH_TIMEOUT_S = 5.0

# A vendor's key goes to the services that use the vendor.
VENDOR_KEYS: Mapping[str, tuple[str, ...]] = {
    "DEEPGRAM_API_KEY": ("transcriber",),
    "OPENAI_API_KEY": ("embedder", "chat"),
    "ANTHROPIC_API_KEY": ("embedder", "chat"),
}
USERS_OF_OBJECTS = ("consent", "ingestion", "transcriber")
# Never taken from whoever starts the stack: each is either made here or belongs to one service.
_OURS = frozenset(
    {"ENV", "HOST", "PORT", "DATABASE_URL", "RELAY_DATABASE_URL", "REDIS_URL", "MIGRATION_DATABASE_URL"}
    | {"CAPABILITY_KEY", "CAPABILITY_KEY_ID", "KEY_PEPPER", "PATIENT_TOKEN_KEY"}
    | {"OPERATOR_TOKEN", "ROOT_KEY_FILE", "THERAPYRAG_KEY"}
    | {"LEDGER_KEY", "LEDGER_KEY_FILE", "LEDGER_KEYS_BEFORE"}
    | {"PG_BINDIR", "TEST_INFRA", INHERITED, *VENDOR_KEYS}
)


@dataclass(frozen=True)
class Site:
    """What all services of one stack share. `detours` says where to connect instead (host:port) of a server."""

    infra: Infra
    ports: Mapping[str, int]
    env: str
    detached: bool
    inherited: Mapping[str, str]
    detours: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Folder:
        """Where logs and records are."""
        return self.infra.folder

    def url(self, service: str) -> str:
        """Return where a service's HTTP is."""
        return f"http://127.0.0.1:{self.ports[service]}"


class ServiceProcess:
    """One process of a service, which tests may kill and start again."""

    def __init__(self, site: Site, name: str, mode: str, extra: Mapping[str, str]) -> None:
        self._site = site
        self._mode = mode
        self._extra = extra
        self._process: Process | None = None
        self.name = name

    @property
    def service(self) -> str:
        """Which service it is of (`chat-work` is of `chat`)."""
        return self.name.partition("-")[0]

    @property
    def url(self) -> str:
        """Where its HTTP is; a `work` process answers /health and /metrics only."""
        return self._site.url(self.name)

    @property
    def log(self) -> Path:
        """Where its log is; starts after a restart are appended."""
        return self._site.folder.log(self.name)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._running().pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.is_alive

    def launch(self) -> None:
        """Begin to start it; `wait` for it before use."""
        program = Program(
            name=self.name,
            arguments=[sys.executable, "-m", f"services.{self.service}", self._mode],
            environment=environment(self._site, self.name) | dict(self._extra),
            log=self.log,
            record=self._site.folder.record(self.name),
            detached=self._site.detached,
            folder=ROOT,
        )
        # Elsewhere than in tests a service starts as it does where it is deployed.
        is_forked = self._site.env == "test" and not self._site.detached
        self._process = fork_server().launch(program) if is_forked else launch(program)

    def wait(self) -> None:
        """Return once its /health says ok."""
        until_ready(self._running(), self.log, lambda: is_healthy(self.url), READY_WITHIN_S)

    def start(self) -> None:
        """Start it and wait until it is healthy."""
        self.launch()
        self.wait()

    def signal(self, number: int) -> None:
        """Send it a signal, such as SIGSTOP and SIGCONT."""
        self._running().signal(number)

    def kill(self) -> None:
        """End it at once, as `kill -9` does."""
        if self._process is not None:
            self._process.kill()

    def stop(self) -> None:
        """End it as an orchestrator does: SIGTERM, a grace, then SIGKILL."""
        if self._process is not None:
            self._process.stop(STOP_WITHIN_S)

    def ask_to_stop(self) -> None:
        """Send SIGTERM without waiting."""
        if self._process is not None:
            self._process.ask_to_stop()

    def restart(self) -> None:
        """Stop it and start it again on the same port."""
        self.stop()
        self.start()

    def _running(self) -> Process:
        if self._process is None:
            raise RuntimeError(f"{self.name} has not been started")
        return self._process


def environment(site: Site, name: str) -> dict[str, str]:
    """Return the whole environment of a process."""
    service = name.partition("-")[0]
    infra = site.infra
    kept = {key: value for key, value in site.inherited.items() if key not in _OURS and not key.startswith("MINIO_")}
    vendor_keys = {
        key: site.inherited[key] for key, users in VENDOR_KEYS.items() if service in users and key in site.inherited
    }
    peers = {f"{peer.upper()}_URL": site.url(peer) for peer in SERVICES}
    own = {"ENV": site.env, "HOST": "127.0.0.1", "PORT": str(site.ports[name])}
    servers = {
        "DATABASE_URL": infra.database_url(service),
        "RELAY_DATABASE_URL": infra.relay_database_url,
        "REDIS_URL": infra.redis_url,
    }
    if service in USERS_OF_OBJECTS:
        servers |= infra.object_store.environment()
    return kept | vendor_keys | peers | own | _detoured(servers, site.detours) | _secrets(infra, service)


def _detoured(servers: Mapping[str, str], detours: Mapping[str, str]) -> dict[str, str]:
    found = dict(servers)
    for address, instead in detours.items():
        found = {key: value.replace(address, instead) for key, value in found.items()}
    return found


def _secrets(infra: Infra, service: str) -> dict[str, str]:
    folder = infra.folder
    secrets = {}
    if service == "gateway":
        secrets["CAPABILITY_KEY_ID"] = infra.capability_key_id
        secrets["CAPABILITY_KEY"] = infra.capability_key.hex()
        secrets["PATIENT_TOKEN_KEY"] = folder.secret("patient_token_key")
        secrets["KEY_PEPPER"] = folder.secret("key_pepper")
        secrets["OPERATOR_TOKEN"] = folder.secret("operator_token")
    if service == "ingestion":
        secrets["ROOT_KEY_FILE"] = str(_root_key(folder))
    if service == "consent":
        secrets["LEDGER_KEY_FILE"] = str(ledger_key(folder))
    return secrets


def _root_key(folder: Folder) -> Path:
    path = folder.path / "root.key"
    if not path.exists():
        write_root_key(path)
    return path


def ledger_key(folder: Folder) -> Path:
    """Return the file with the key that signs the consent ledger, made at first use."""
    path = folder.path / "ledger.key"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(folder.secret("ledger_key") + "\n")
    return path


def inherited(*, with_vendor_keys: bool) -> dict[str, str]:
    """Return this process's environment, without the keys that would let a test call (and pay) a vendor."""
    return {key: value for key, value in os.environ.items() if with_vendor_keys or key not in VENDOR_KEYS}


def is_healthy(url: str) -> bool:
    """Tell whether a service answers 200 to /health."""
    # Asked often while six services need the processor: an httpx client would load certificates each time.
    connection = HTTPConnection(urlsplit(url).netloc, timeout=HEALTH_TIMEOUT_S)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
