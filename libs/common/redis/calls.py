"""Calls to a Redis-compatible server as streams need them: scripts from files, and one error for "not now"."""

from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

from redis import exceptions
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from libs.common.errors import BrokerUnavailableError

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
T = TypeVar("T")


def script_of(redis: Redis, path: Path) -> AsyncScript:
    """Return the Lua script in a file, registered with the server when it is first called."""
    return redis.register_script(path.read_text())


async def translated(reply: Awaitable[T]) -> T:
    """Return the reply; raise BrokerUnavailableError while the server does not answer or cannot do it."""
    try:
        return await reply
    except DOWN as error:
        raise BrokerUnavailableError from error
    except exceptions.ResponseError as error:
        # A script's error begins with that of the command in it that failed.
        if str(error).startswith(NOT_NOW):
            raise BrokerUnavailableError from error
        raise
