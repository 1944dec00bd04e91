"""What the commands about events stand on: the archive, the streams, and the record of what operators do."""

import getpass
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Annotated, Any, Self

import typer

from libs.common.errors import FORBIDDEN, AppError
from libs.common.ids import new_id
from libs.common.messaging.archive import Archive
from libs.common.streams.admin import StreamAdmin
from libs.contracts.services import SERVICES
from libs.ops.rest.client import Gateway
from libs.ops.rest.connection import Connection
from libs.ops.store import OpsStore

ExecuteFlag = Annotated[
    bool, typer.Option("--execute", help="Do it. Without this the plan is printed and nothing changes.")
]
AsOption = Annotated[str | None, typer.Option("--as", help="Who you are, for the record; else user@host.")]


@dataclass(frozen=True)
class Approval:
    """Whether what was planned is to be done, and who says so."""

    execute: bool
    who: str | None


class OperatorTools:
    """What an operator's commands stand on. Its parts raise AppError and BrokerUnavailableError."""

    def __init__(self, connection: Connection) -> None:
        if not connection.database_url or not connection.redis_url:
            raise typer.BadParameter("set OPS_DATABASE_URL and REDIS_URL (`make up-ops` prints both)")
        self.connection = connection
        try:
            self.archive = Archive(connection.database_url, SERVICES)
        except ValueError as error:
            raise typer.BadParameter(
                "OPS_DATABASE_URL is no address: postgresql+psycopg://user:password@host:port/database"
            ) from error
        try:
            self.streams = StreamAdmin(connection.redis_url)
        except ValueError as error:
            raise typer.BadParameter("REDIS_URL is no address: redis://user:password@host:port/0") from error
        self.store = OpsStore(self.archive)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.streams.close()
        await self.archive.close()

    def gateway(self) -> Gateway:
        """Return the gateway, for what only it may do."""
        return Gateway(self.connection)

    @asynccontextmanager
    async def recorded(self, who: str | None, what: str, arguments: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """Write down who is about to do what, and afterwards how it went; put counts into what is given.

        Nothing is done when it cannot be written down first.
        """
        action_id, name, counts = new_id(), operator(who), dict[str, Any]()
        await self.store.note(action_id, "begun", name, (what, arguments))
        try:
            yield counts
        # Also an interruption by hand: what was begun must not stay without an end.
        except BaseException as error:
            await self.store.note(action_id, "failed", name, (what, arguments), **counts, error=type(error).__name__)
            raise
        await self.store.note(action_id, "done", name, (what, arguments), **counts)

    async def denied(self, who: str | None, what: str, arguments: Mapping[str, Any], why: str) -> AppError:
        """Write down that something was refused; return the error that says so."""
        await self.store.note(new_id(), "denied", operator(who), (what, arguments))
        return AppError(FORBIDDEN, why)


def operator(given: str | None) -> str:
    """Return who acts."""
    return given or f"{getpass.getuser()}@{socket.gethostname()}"
