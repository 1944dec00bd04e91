"""What a stream must be able to do; Redis and memory both keep this contract (libs/common/tests/test_streams.py)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol


class StreamDownError(Exception):
    """The stream's server does not answer now; whoever asked waits a little and asks again."""


@dataclass(frozen=True)
class Delivery:
    """One entry given to this consumer.

    `lane` is `s` (the topic) or `r` (the group's own retries), `attempt` counts from 1, `epoch` tells deliberate
    repetitions apart, `times` is how often the server has handed the entry out.
    """

    lane: str
    entry_id: str
    body: str
    attempt: int = 1
    epoch: int = 0
    times: int = 1


@dataclass(frozen=True)
class DeadLetter:
    """Why an entry is given up: a problem slug or a class name, never an error's text."""

    why: str
    place: str


@dataclass(frozen=True)
class Depth:
    """How much of a topic a group still has before it (entries)."""

    lag: int
    pending: int
    parked: int
    dead: int


class Publisher(Protocol):
    """The writing side of all topics, with a cursor that moves together with the entries."""

    async def cursor(self, topic: str) -> str:
        """Return the topic's cursor, empty when there is none."""

    async def publish(self, topic: str, expected: str, new: str, bodies: Sequence[str]) -> str:
        """Append all bodies and move the cursor if it still is `expected`; return the cursor in force."""


class Channel(Protocol):
    """One topic as one consumer of one group sees it. Calls raise StreamDownError when the server is away."""

    topic: str
    group: str
    consumer: str

    async def open(self) -> None:
        """Make the group if it is not there (from the first entry on), take a lease, free dead local consumers."""

    async def read(self, count: int, block_s: float) -> Sequence[Delivery]:
        """Wait up to `block_s` for entries; return about `count`."""

    async def ack(self, deliveries: Collection[Delivery]) -> None:
        """Acknowledge."""

    async def park(self, delivery: Delivery, delay_s: float, attempt: int) -> bool:
        """Put an entry aside until it is given out as `attempt`; False when it is not ours any more."""

    async def bury(self, delivery: Delivery, letter: DeadLetter) -> bool:
        """Move an entry to the dead-letter stream; False when it is not ours any more."""

    async def promote(self) -> int:
        """Move due retries back to where they are read; return how many."""

    async def sweep(self, room: int) -> Sequence[Delivery]:
        """Take over entries of consumers whose lease has run out."""

    async def mark_alone(self, delivery: Delivery) -> int:
        """Count that an entry is about to run alone; return how often it has."""

    async def unmark(self, delivery: Delivery) -> None:
        """Forget that count: the entry came to its end and its worker lives."""

    async def audit(self, known: Collection[Delivery], room: int) -> Sequence[Delivery]:
        """Return entries the server believes are ours but are not in `known` (a reply was lost)."""

    async def release(self, deliveries: Collection[Delivery]) -> None:
        """Hand entries back for others to take, without counting it against them."""

    async def trim(self, retention_s: float) -> int:
        """Forget entries older than this that every group has acknowledged; return how many."""

    async def depth(self) -> Depth:
        """Return how much is waiting."""

    async def close(self) -> None:
        """Give up the lease; the consumer's name is never used again."""
