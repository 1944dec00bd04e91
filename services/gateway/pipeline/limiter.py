"""A thousand requests an hour for each key, counted in Redis, and a smaller share by itself when Redis is gone."""

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from libs.common.errors import RATE_LIMITED, AppError, BrokerUnavailableError
from libs.common.log import get_logger
from libs.common.redis.rate_window import Count, InMemoryWindows, RedisWindows, Window, Windows
from libs.contracts.problems import PATIENT_QUOTA

POLICY = "hour"
WINDOW_S = 3600
ASK_TIMEOUT_S = 0.5
# Redis is asked again this long after a failure; until then requests do not wait for it.
ASK_AGAIN_S = 1.0
_NAMESPACE = "trk"


@dataclass(frozen=True)
class Allowance:
    """What is left of a limit (draft-ietf-httpapi-ratelimit-headers)."""

    quota: int
    left: int
    reset_s: int
    policy: str = POLICY
    window_s: int = WINDOW_S

    def headers(self) -> dict[str, str]:
        """Return the fields every answer carries."""
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.quota};w={self.window_s}',
            "RateLimit": f'"{self.policy}";r={self.left};t={self.reset_s}',
        }

    def refunded(self) -> "Allowance":
        """Return what is left when the last one did not count."""
        return replace(self, left=min(self.quota, self.left + 1))


@dataclass(frozen=True)
class Reservation:
    """What came of counting one request: whether it may go on, and what is left."""

    who: str
    allowance: Allowance
    count: Count
    windows: Windows = field(repr=False)

    @property
    def passed(self) -> bool:
        """Tell whether it may go on."""
        return self.count.passed


class Limiter:
    """Counts exactly (a sliding window); `quota` per key, `local_quota` per key and process without Redis."""

    def __init__(
        self, redis_url: str, quota: int, local_quota: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._shared = RedisWindows(redis_url, _NAMESPACE, ASK_TIMEOUT_S)
        self._local = InMemoryWindows(clock)
        self._clock = clock
        self._local_until = -math.inf
        self._quota = Window(quota, WINDOW_S)
        self._local_quota = Window(local_quota, WINDOW_S)

    async def take(self, who: str) -> Reservation:
        """Count one request."""
        if self._clock() >= self._local_until:
            try:
                return _reservation(who, await self._shared.take(who, self._quota), self._quota, self._shared)
            except BrokerUnavailableError as error:
                self._local_until = self._clock() + ASK_AGAIN_S
                get_logger().warning("limiter.local_fallback", error_class=type(error.__cause__).__name__)
        return _reservation(who, await self._local.take(who, self._local_quota), self._local_quota, self._local)

    async def refund(self, taken: Reservation) -> None:
        """Uncount a request that could not be served; one that cannot be uncounted stays counted."""
        with contextlib.suppress(BrokerUnavailableError):
            # Where it was counted: Redis may be back by now, and has never heard of it.
            await taken.windows.refund(taken.who, taken.count)

    async def close(self) -> None:
        """Close the connections."""
        await self._shared.close()


def upstream_limit_headers(error: AppError) -> dict[str, str]:
    """Return the fields of a limit that a service behind this one keeps and found spent; none for another problem."""
    if error.problem is not PATIENT_QUOTA or "quota" not in error.extra:
        return {}
    quota, window_s = int(error.extra["quota"]), int(error.extra["window_s"])
    reset_s = math.ceil(error.retry_after_s or window_s)
    return Allowance(quota, 0, reset_s, str(error.extra["policy"]), window_s).headers()


def exceeded(allowance: Allowance) -> AppError:
    """Return the error of an exceeded limit."""
    return AppError(
        RATE_LIMITED,
        f"This key may make {allowance.quota} requests an hour.",
        retry_after_s=allowance.reset_s,
        extra={"policy": POLICY},
    )


def _reservation(who: str, count: Count, window: Window, windows: Windows) -> Reservation:
    # A caller that is told 0 seconds asks again at once.
    allowance = Allowance(window.quota, count.left, max(1, math.ceil(count.reset_s)))
    return Reservation(who, allowance, count, windows)
