"""How fast a transcription gets on: what is worth publishing of it, and how long it will still take."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

PUBLISHED_EVERY = 0.02
"""Share of the recording between two events: at most fifty for one recording, however long it is."""


@dataclass(frozen=True)
class Reached:
    """A share (0 to 1) of the recording that was heard, and an estimate of the seconds that are left."""

    share: float
    remaining_s: float | None


class Pace:
    """Follows one attempt from its first share, which is not 0 where a lost worker's checkpoints are taken up."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.share: float | None = None
        self._clock = clock
        self._first: tuple[float, datetime] | None = None
        self._published = -1.0

    def reached(self, share: float) -> Reached | None:
        """Take note of a share (0 to 1); return what to publish, None if that little is not worth it."""
        self.share = share
        if self._first is None:
            self._first = (share, self._clock())
        if share - self._published < PUBLISHED_EVERY:
            return None
        self._published = share
        return Reached(round(share, 3), self._remaining_s(share, *self._first))

    def _remaining_s(self, share: float, first: float, began_at: datetime) -> float | None:
        if share <= first:
            return None
        elapsed_s = (self._clock() - began_at).total_seconds()
        return round(elapsed_s * (1 - share) / (share - first), 1)
