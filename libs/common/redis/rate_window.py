"""Sliding windows: how many of something were let in within the last hour, exactly, for many at once.

One in Redis, that all processes share, and one in memory, for the time that Redis cannot be asked.
"""

import contextlib
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from libs.common.errors import BrokerUnavailableError
from libs.common.redis.calls import script_of

MICROSECONDS = 1_000_000
CONNECTIONS_MAX = 64
WHO_MAX = 20_000


@dataclass(frozen=True)
class Window:
    """A quota for any period of the given length (a sliding window)."""

    quota: int
    length_s: int


@dataclass(frozen=True)
class Count:
    """What one question found: whether it was let in, how many more would be, and when the oldest entry leaves.

    `entry` is the one that was made for it, by which it can be taken back.
    """

    passed: bool
    left: int
    reset_s: float
    entry: str = ""


class Windows(Protocol):
    """Counts by name."""

    async def take(self, who: str, window: Window) -> Count:
        """Count one for `who` if it may pass; what is refused is not counted."""
        ...

    async def refund(self, who: str, count: Count) -> None:
        """Take back what was counted, as if it had not been."""
        ...


class RedisWindows:
    """In Redis, one script a question. Raises BrokerUnavailableError when it cannot be asked."""

    def __init__(self, url: str, prefix: str, timeout_s: float) -> None:
        # Never repeats by itself: a reply that was lost must not count twice.
        self._redis = Redis.from_url(
            url,
            protocol=3,
            legacy_responses=False,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            max_connections=CONNECTIONS_MAX,
            retry=Retry(NoBackoff(), 0),
        )
        self._prefix = prefix
        self._admit = script_of(self._redis, Path(__file__).with_name("admit.lua"))

    async def take(self, who: str, window: Window) -> Count:
        """Count one, by the server's clock."""
        arguments = [window.quota, window.length_s * MICROSECONDS]
        try:
            passed, left, reset, entry = await self._admit(keys=[self._key(who)], args=arguments)
        except (RedisError, OSError) as error:  # also one that is full: it cannot count
            raise BrokerUnavailableError from error
        return Count(
            bool(passed),
            int(left),
            int(reset) / MICROSECONDS,
            entry.decode(),
        )

    async def refund(self, who: str, count: Count) -> None:
        """Take back one entry; it is found from the newest on."""
        try:
            await self._redis.lrem(self._key(who), -1, count.entry)
        except (RedisError, OSError) as error:
            raise BrokerUnavailableError from error

    def _key(self, who: str) -> str:
        return f"{self._prefix}:{who}"

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


class InMemoryWindows:
    """In this process alone. Beyond WHO_MAX names the one that asked longest ago is forgotten."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: OrderedDict[str, deque[float]] = OrderedDict()

    async def take(self, who: str, window: Window) -> Count:
        """Count one, by this process's clock."""
        now = self._clock()
        entries = self._entries.setdefault(who, deque())
        self._entries.move_to_end(who)
        # A bound on memory, however many ask while Redis is away.
        while len(self._entries) > WHO_MAX:
            self._entries.popitem(last=False)
        while entries and entries[0] <= now - window.length_s:
            entries.popleft()
        passed = len(entries) < window.quota
        if passed:
            entries.append(now)
        # A quota of 0 lets nothing in, and so leaves nothing that could be the oldest.
        oldest = entries[0] if entries else now
        return Count(passed, max(0, window.quota - len(entries)), oldest + window.length_s - now, repr(now))

    async def refund(self, who: str, count: Count) -> None:
        """Take back one entry."""
        with contextlib.suppress(KeyError, ValueError):
            self._entries[who].remove(float(count.entry))
