"""What a sliding window should have let in, so that the proofs of both limits hold the same measure against them.

Time is moved by moving what the limiter remembers: an entry that is made older by a minute is an hour's window that
has slid on by a minute. The times of the proof are those of the server that counts, plus all it has been moved by.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

# Both sides read the same machine's clock; what lies between reading and writing it down is less than this.
SLACK_S = 0.002


@dataclass(frozen=True)
class Attempt:
    """One question that was refused, from when it was sent to when the answer came."""

    sent_at: float
    answered_at: float


@dataclass
class Sliding:
    """All that was let in and refused in one window."""

    quota: int
    length_s: float
    admitted: list[float] = field(default_factory=list)
    refused: list[Attempt] = field(default_factory=list)

    def worst(self) -> int:
        """Return the most that was let in within any stretch of `length_s`."""
        times = sorted(self.admitted)
        return max((n + 1 - bisect_right(times, at - self.length_s) for n, at in enumerate(times)), default=0)

    def wronged(self) -> int:
        """Return how many were refused although there was room at every moment between question and answer."""
        times = sorted(self.admitted)
        return sum(1 for attempt in self.refused if not self._was_full(times, attempt))

    def _was_full(self, times: list[float], attempt: Attempt) -> bool:
        first, last = attempt.sent_at - SLACK_S, attempt.answered_at + SLACK_S
        # It is fullest right after something was let in, or at the start.
        moments = [first, *times[bisect_left(times, first) : bisect_right(times, last)]]
        return any(self._within(times, moment) >= self.quota for moment in moments)

    def _within(self, times: list[float], moment: float) -> int:
        return bisect_right(times, moment) - bisect_right(times, moment - self.length_s)
