"""How often and how soon a failed event is tried again."""

import random
from dataclasses import dataclass, field

from libs.common.errors import UNAVAILABLE, AppError, ProblemType

TRIES_MAX = 4
"""One try and three retries, then the dead letters."""
RETRY_AFTER_MAX_S = 3600.0
"""An outside party may ask for any wait; ours ends after an hour."""
OUTAGE_WAIT_MAX_S = 10.0
"""While a part of our own is down, each waiting event asks again this often at the least."""
ELSEWHERE_WAIT_S = 1.0
"""While another worker is at an event, a concurrent duplicate of it looks again about this often."""

CLAIMED_ELSEWHERE = ProblemType(
    "in-other-hands", 503, "In other hands", "Another worker is at this event and lives. Wait for it.", retryable=True
)
"""Never leaves the kernel: a concurrent duplicate waits."""
PAUSED = ProblemType(
    "group-paused", 503, "Group paused", "The group has dead-lettered too much. Look, then resume it.", retryable=True
)
"""Never leaves the kernel: an event that would be one dead letter too many waits until its group is resumed."""
PAUSED_WAIT_S = 10.0
"""A paused group waits for a person: looking again is cheap, and a resumed one starts within this."""
_WAITING = (UNAVAILABLE, CLAIMED_ELSEWHERE, PAUSED)


@dataclass(frozen=True)
class Backoff:
    """Exponential backoff with full jitter (AWS Architecture Blog, 2015): uniform(0, min(cap, base * 2^attempt))."""

    base_s: float = 1.0
    # By its four tries an event has waited seconds; the cap holds whoever allows more of them.
    cap_s: float = 60.0
    tries_max: int = TRIES_MAX
    outage_wait_s: float = OUTAGE_WAIT_MAX_S
    elsewhere_wait_s: float = ELSEWHERE_WAIT_S
    paused_wait_s: float = PAUSED_WAIT_S
    dice: random.Random = field(default_factory=random.Random)

    def delay_s(self, attempt: int, error: AppError) -> float:
        """Return how long to wait before the attempt after `attempt` (counted from 1)."""
        if error.problem is CLAIMED_ELSEWHERE:
            # Never at once: whoever holds the claim was alive a moment ago.
            return self.elsewhere_wait_s * self.dice.uniform(0.5, 1.0)
        if error.problem is UNAVAILABLE:
            # Spread over the whole wait: all that failed together would else come back together.
            return self.dice.uniform(0, self.outage_wait_s)
        if error.problem is PAUSED:
            return self.paused_wait_s * self.dice.uniform(0.5, 1.0)
        if error.retry_after_s is not None:
            return min(error.retry_after_s, RETRY_AFTER_MAX_S)
        return self.dice.uniform(0, min(self.cap_s, self.base_s * 2**attempt))

    def is_exhausted(self, attempt: int, error: AppError) -> bool:
        """Tell whether this was the last try. Waiting, for our own parts or for a duplicate, never uses up tries."""
        if error.problem in _WAITING:
            return False
        return not error.problem.retryable or attempt >= self.tries_max

    def next_attempt(self, attempt: int, error: AppError) -> int:
        """Return the number of the next attempt; waiting does not count as one."""
        return attempt if error.problem in _WAITING else attempt + 1
