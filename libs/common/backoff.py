"""How often and how soon a failed event is tried again."""

import random
from dataclasses import dataclass, field

from libs.common.errors import UNAVAILABLE, AppError

TRIES_MAX = 4
"""One try and three retries, then the dead letters."""
RETRY_AFTER_MAX_S = 3600.0


@dataclass(frozen=True)
class Backoff:
    """Exponential backoff with full jitter (AWS Architecture Blog, 2015): uniform(0, min(cap, base * 2^attempt))."""

    base_s: float = 1.0
    cap_s: float = 60.0
    tries_max: int = TRIES_MAX
    dice: random.Random = field(default_factory=random.Random)

    def delay_s(self, attempt: int, error: AppError) -> float:
        """Return how long to wait before the attempt after `attempt` (counted from 1)."""
        if error.retry_after_s is not None and error.problem is not UNAVAILABLE:
            return min(error.retry_after_s, RETRY_AFTER_MAX_S)
        return self.dice.uniform(0, min(self.cap_s, self.base_s * 2**attempt))

    def gives_up(self, attempt: int, error: AppError) -> bool:
        """Tell whether this was the last try. A part of our own being down (UNAVAILABLE) never uses up tries."""
        if error.problem is UNAVAILABLE:
            return False
        return not error.problem.retryable or attempt >= self.tries_max
