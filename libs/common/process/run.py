"""The run loop of a service process: `api`, `work`, `all` or `migrate`; SIGTERM stops it within its grace."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NoReturn

import uvicorn
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.common.errors import AppError
from libs.common.http.app import AppSpec, Check, build_app
from libs.common.log import configure_logging, get_logger, redact_uncaught_errors
from libs.common.process.supervision import Worker, check, states, supervise
from libs.common.settings import ProcessSettings
from libs.common.tracing import configure_tracing

GRACE_S = 10
"""What requests may still take at a stop: below the time after which an orchestrator kills (30 s on Kubernetes)."""
EXIT_USAGE = 2
MODES = ("api", "work", "all", "migrate")


@dataclass(frozen=True)
class Service:
    """A service's parts, joined by its wiring. `close` is called last."""

    app: AppSpec
    workers: Sequence[Worker]
    close: Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Entry:
    """How a service starts: its name, its settings, and how its parts are built (inside the event loop)."""

    name: str
    settings: Callable[[], ProcessSettings]
    build: Callable[[], Service]
    migrations: Path
    log_keys: frozenset[str] = frozenset()


def main(entry: Entry, arguments: Sequence[str] | None = None) -> None:
    """Run a service as `python -m services.<name> api|work|all|migrate`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if len(given) != 1 or given[0] not in MODES:
        _refuse(f"usage: python -m services.{entry.name} {'|'.join(MODES)}")
    try:
        if given[0] == "migrate":
            # Alembic takes 0.2 s to import, and only this mode needs it.
            from libs.common.database.migration import migrate

            migrate(entry.name, entry.migrations, MigrationSettings().migration_database_url.get_secret_value())
            return
        settings = entry.settings()
    # Without the input, which may be a password.
    except ValidationError as error:
        _refuse(
            "\n".join(f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors(include_input=False))
        )
    configure_logging(entry.name, settings.log_level, entry.log_keys, strict=settings.env == "test")
    redact_uncaught_errors()
    configure_tracing(entry.name, settings.otel_exporter_otlp_endpoint)
    try:
        asyncio.run(_serve(entry, settings, given[0]))
    # A group, because the tasks that may break run in one.
    except* AppError as refusals:
        _refuse("\n".join(_details(refusals)))


async def _serve(entry: Entry, settings: ProcessSettings, mode: str) -> None:
    service = entry.build()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _on_signal, stop)
    workers = service.workers if mode != "api" else ()
    # A worker answers /health and /metrics, and none of the routes.
    spec = replace(service.app, routers=()) if mode == "work" else service.app
    if workers:
        checks: dict[str, Check] = {**spec.checks, "workers": partial(check, workers)}
        spec = replace(spec, checks=checks, states=partial(states, workers))
    servers = [server_of(spec, settings.host, settings.port)]
    if settings.metrics_port:
        servers.append(server_of(_inside(spec), settings.host, settings.metrics_port))
    get_logger().info("service.started", mode=mode, host=settings.host, port=settings.port, **service.app.details)
    async with asyncio.TaskGroup() as tasks:
        for server in servers:
            tasks.create_task(server.serve())
        tasks.create_task(supervise(workers, stop))
        await stop.wait()
        for server in servers:
            server.should_exit = True
    await service.close()
    get_logger().info("service.stopped", mode=mode)


def server_of(spec: AppSpec, host: str, port: int) -> uvicorn.Server:
    """Return what serves an app; signals are its caller's to handle."""
    return _Server(
        uvicorn.Config(
            build_app(spec),
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=GRACE_S,
        )
    )


def _inside(spec: AppSpec) -> AppSpec:
    """Return the internal app: none of the public routes, and everything /health knows."""
    return replace(spec, routers=(), internal=True, options={})


def _details(group: BaseExceptionGroup[AppError]) -> list[str]:
    found: list[str] = []
    for error in group.exceptions:
        found += _details(error) if isinstance(error, BaseExceptionGroup) else [error.detail]
    return found


def _on_signal(stop: asyncio.Event) -> None:
    # A second signal: whoever sends it does not want to wait for the grace.
    if stop.is_set():
        sys.exit(1)
    stop.set()


def _refuse(message: str) -> NoReturn:
    print(message, file=sys.stderr)  # noqa: T201
    raise SystemExit(EXIT_USAGE)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are handled once, by the run loop."""
        yield


class MigrationSettings(BaseSettings):
    """What `migrate` needs: a login that may become the schemas' owners."""

    model_config = SettingsConfigDict(extra="ignore", hide_input_in_errors=True)

    migration_database_url: SecretStr = Field(description="PostgreSQL as a role that may SET ROLE to the owners.")
