"""Whether a worker still does what it is there for: when each of its loops last went round, as /health asks."""

import time
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol, runtime_checkable

STALL_S = 60.0
"""A loop without a beat for this long is stuck: each waits about a second, and ten for a server's answer."""
ROUND_S = 1.0
"""Who waits for something goes round this often meanwhile."""


class State(StrEnum):
    """What a worker is doing. `paused`: its group dead-lettered too much, or an operator paused it."""

    STARTING = "starting"
    RUNNING = "running"
    AWAY = "stream-away"
    PAUSED = "paused"
    STALLED = "stalled"

    @property
    def is_well(self) -> bool:
        """Tell whether it does its work, or will by itself."""
        return self not in (State.PAUSED, State.STALLED)


@runtime_checkable
class Watched(Protocol):
    """A worker that can say what it is doing."""

    @property
    def name(self) -> str:
        """What it works on, in words of our own."""

    def state(self) -> State:
        """Return what it is doing now."""


class Heartbeat:
    """When each loop of one worker last went round, by a steady clock (seconds)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: dict[str, float] = {}

    def beat(self, loop: str) -> None:
        """Note that a loop goes round."""
        self._last[loop] = self._clock()

    @property
    def is_stalled(self) -> bool:
        """Whether one of them has not for too long."""
        # The slowest loop counts: that others go round does not do its work.
        return bool(self._last) and self._clock() - min(self._last.values()) > STALL_S
