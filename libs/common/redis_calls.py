"""Calls to a Redis-compatible server as streams need them: scripts from files, and one error for "not now"."""

from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

from redis import exceptions
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from libs.common.streams import StreamDownError

DOWN = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.BusyLoadingError,
    exceptions.ReadOnlyError,
    OSError,
)
SCRIPTS = Path(__file__).parent / "lua"
T = TypeVar("T")


def script_of(redis: Redis, name: str) -> AsyncScript:
    """Return a script of the folder `lua`, registered when it is first called."""
    return redis.register_script((SCRIPTS / f"{name}.lua").read_text())


async def translated(reply: Awaitable[T]) -> T:
    """Return the reply; raise StreamDownError while the server does not answer, loads, or only replicates."""
    try:
        return await reply
    except DOWN as error:
        raise StreamDownError from error
