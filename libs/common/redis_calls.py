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
    exceptions.OutOfMemoryError,
    OSError,
)
# Answers of a server that cannot do it now: its memory or disk is full, it has lost its replicas or its cluster.
NOT_NOW = ("OOM", "MISCONF", "NOREPLICAS", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "LOADING", "READONLY", "BUSY ")
SCRIPTS = Path(__file__).parent / "lua"
T = TypeVar("T")


def script_of(redis: Redis, name: str) -> AsyncScript:
    """Return a script of the folder `lua`, registered when it is first called."""
    return redis.register_script((SCRIPTS / f"{name}.lua").read_text())


async def translated(reply: Awaitable[T]) -> T:
    """Return the reply; raise StreamDownError while the server does not answer or cannot do what it was asked."""
    try:
        return await reply
    except DOWN as error:
        raise StreamDownError from error
    except exceptions.ResponseError as error:
        # A script's error begins with that of the command in it that failed.
        if str(error).startswith(NOT_NOW):
            raise StreamDownError from error
        raise
