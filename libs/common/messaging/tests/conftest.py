"""Streams for the tests of the kernel: in memory, on the devstack's Valkey, and on Redis 7 where there is one."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pytest

from libs.common.streams.memory import MemoryStreams
from libs.common.streams.redis_streams import RedisStreams
from libs.devstack.infra import Infra
from libs.devstack.servers import valkey
from libs.devstack.servers.folder import throwaway_folder

Streams = MemoryStreams | RedisStreams


class Closable(Protocol):
    """A channel, a connection to streams, or what administers them."""

    async def close(self) -> None:
        """Give back what it holds."""


class Closing(Protocol):
    """Takes what a test opens."""

    def __call__(self, *opened: Closable) -> None:
        """Close them when the test has ended."""


@pytest.fixture(scope="session")
def redis_seven() -> Iterator[str]:
    """The URL of the system's own redis-server (Debian's is 7.0), started for these tests."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("no redis-server on the PATH: install one (Debian: redis-server) to run this on Redis 7 too")
    with throwaway_folder() as folder, folder.locked():
        server = valkey.start(folder, binary=Path(binary))
        server.wait()
        yield server.url
        server.process.kill()


@pytest.fixture(params=["memory", "valkey", "redis 7"])
async def streams(request: pytest.FixtureRequest) -> AsyncIterator[Streams]:
    """Streams under one contract."""
    if request.param == "memory":
        yield MemoryStreams()
        return
    infra: Infra | None = request.getfixturevalue("infra") if request.param == "valkey" else None
    real = RedisStreams(infra.redis_url if infra else request.getfixturevalue("redis_seven"))
    yield real
    await real.close()


@pytest.fixture
def topic() -> str:
    """A topic nobody else uses."""
    return f"topic-{uuid4().hex}"


@pytest.fixture
async def closing() -> AsyncIterator[Closing]:
    """Close what a test opened, whether it ended well or not: the last that was opened first."""
    opened: list[Closable] = []

    yield lambda *more: opened.extend(more)

    for one in reversed(opened):
        await one.close()
