"""A thousand requests an hour for each key, counted in Redis, and a smaller share by itself when Redis is gone."""

import asyncio
import math
import time
from dataclasses import dataclass

from limits import RateLimitItemPerHour
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError

from libs.common.errors import RATE_LIMITED, AppError
from libs.common.log import get_logger

POLICY = "hour"
WINDOW_S = 3600
ASK_TIMEOUT_S = 0.5
SOCKET_TIMEOUT_S = 0.5
CONNECTIONS_MAX = 64
_NAMESPACE = "trk"


@dataclass(frozen=True)
class Allowance:
    """What is left of a limit (draft-ietf-httpapi-ratelimit-headers)."""

    quota: int
    left: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        """Return the fields every answer carries."""
        return {
            "RateLimit-Policy": f'"{POLICY}";q={self.quota};w={WINDOW_S}',
            "RateLimit": f'"{POLICY}";r={self.left};t={self.reset_s}',
        }


class Limiter:
    """Counts exactly (a moving window); `quota` per key, `quota_alone` per key and process without Redis."""

    def __init__(self, redis_url: str, quota: int, quota_alone: int) -> None:
        self._redis = RedisStorage(
            redis_url,
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix=_NAMESPACE,
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            max_connections=CONNECTIONS_MAX,
        )
        self._shared = MovingWindowRateLimiter(self._redis)
        self._alone = MovingWindowRateLimiter(MemoryStorage())
        self._quota = RateLimitItemPerHour(quota)
        self._quota_alone = RateLimitItemPerHour(quota_alone)

    async def take(self, who: str) -> tuple[bool, Allowance]:
        """Count one request; return whether it may go on, and what is left."""
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                return await self._take(self._shared, self._quota, who)
        except (StorageError, TimeoutError) as error:
            get_logger().warning("limiter.alone", error_class=type(error).__name__)
            return await self._take(self._alone, self._quota_alone, who)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.bridge.get_connection().aclose()  # type: ignore[attr-defined]  # its typed base lacks it

    async def _take(
        self, limiter: MovingWindowRateLimiter, quota: RateLimitItemPerHour, who: str
    ) -> tuple[bool, Allowance]:
        passed = await limiter.hit(quota, who)
        window = await limiter.get_window_stats(quota, who)
        return passed, Allowance(quota.amount, max(0, window.remaining), _seconds_until(window.reset_time))


def exceeded(allowance: Allowance) -> AppError:
    """Return what is said to somebody who asks too often."""
    return AppError(
        RATE_LIMITED,
        f"This key may make {allowance.quota} requests an hour.",
        retry_after_s=allowance.reset_s,
        extra={"policy": POLICY},
    )


def _seconds_until(reset_time: float) -> int:
    return max(1, math.ceil(reset_time - time.time()))
