"""What a stream must be able to do; Redis and memory keep it (libs/common/messaging/tests/test_streams.py)."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

HELD_BACK = "held-back"
"""What `Publisher.publish` returns instead of a cursor while a group is too far behind."""
LAG_MAX = 10_000
"""Publishing to a topic stops when its slowest group is this far behind: the rest waits in PostgreSQL."""


@dataclass(frozen=True)
class Fault:
    """Why no consumer can handle an entry (libs/common/streams/entries.py), and its size."""

    why: str
    size_bytes: int


@dataclass(frozen=True)
class Delivery:
    """One entry given to this consumer.

    `lane` is `s` (the topic) or `r` (the group's own retries), `attempt` counts from 1, `epoch` tells deliberate
    repetitions apart, `times` is how often the server has handed the entry out, `previous_consumer` the dead
    consumer that had it before, `previous` the trace context (W3C `traceparent`) of the attempt before this one.
    One with a `fault` goes to the dead letters and to no handler.
    """

    lane: str
    entry_id: str
    body: str
    attempt: int = 1
    epoch: int = 0
    times: int = field(default=1, compare=False)
    previous_consumer: str = field(default="", compare=False)
    previous: str = field(default="", compare=False)
    fault: Fault | None = field(default=None, compare=False)

    @property
    def added_at_s(self) -> float:
        """Return when the entry came to the stream, by the server's clock (Unix seconds); 0 where its id tells not."""
        milliseconds = self.entry_id.partition("-")[0]
        return int(milliseconds) / 1000 if milliseconds.isdigit() else 0.0

    def __hash__(self) -> int:
        """Entry ids are unique within a lane, and hashing the body of each entry would cost more than handling it."""
        return hash(self.entry_id)


@dataclass(frozen=True)
class DeadLetterReason:
    """Why an entry is dead-lettered: a problem slug or class name and a place in the code, never an error's text."""

    code: str
    location: str


@dataclass(frozen=True)
class DeadLetterLimit:
    """When a group pauses on a topic: dead letters since it was last resumed, and dead letters per minute."""

    count: int = 1_000
    a_minute: int = 100


class Publisher(Protocol):
    """The writing side of all topics, with a cursor that moves together with the entries."""

    async def cursors(self, topics: Sequence[str]) -> Mapping[str, str]:
        """Return each topic's cursor, empty where there is none."""

    async def publish(self, topic: str, expected: str, new: str, bodies: Sequence[str]) -> str:
        """Append all bodies and move the cursor if it still is `expected`; return the cursor in force.

        Returns HELD_BACK, and has done nothing, while a group of the topic is too far behind.
        """

    async def hint(self, outbox: str) -> None:
        """Tell relays of this outbox that something was committed. May be lost: they look by themselves anyway."""

    def hints(self, outbox: str) -> AsyncIterator[None]:
        """Yield at each such hint."""


class Outlet(Protocol):
    """Where an entry ends, as a handler sees it. Calls raise BrokerUnavailableError when the server is away."""

    topic: str
    group: str
    consumer: str

    async def ack(self, deliveries: Collection[Delivery]) -> None:
        """End these entries for the group, whoever holds them: nobody is given one again. Twice is as once."""

    async def park(self, delivery: Delivery, delay_s: float, attempt: int) -> bool:
        """Put an entry aside until it is given out as `attempt`; False when it is not ours any more.

        What is in `delivery.previous` comes back with it.
        """

    async def dead_letter(self, delivery: Delivery, reason: DeadLetterReason) -> bool:
        """Move an entry to the dead-letter stream; False when it is not ours any more."""

    async def may_dead_letter(self) -> bool:
        """Tell whether the group may have one more dead letter; beyond its limit it is paused by this question."""


class Channel(Outlet, Protocol):
    """One topic as one consumer of one group sees it. Calls raise BrokerUnavailableError when the server is away.

    On an `ordered` topic one consumer of the group leads: it alone is given entries.
    """

    ordered: bool

    async def open(self) -> None:
        """Make the group if it is not there (from the first entry on), take a lease, free dead local consumers."""

    async def lead(self) -> bool:
        """Tell whether this consumer may read: always, or on an ordered topic while it leads (it tries to)."""

    async def paused(self) -> str:
        """Return why the group is paused on this topic (`count`, `rate`, `operator`); empty when it is not."""

    async def read(self, count: int, block_s: float) -> Sequence[Delivery]:
        """Wait up to `block_s` for entries; return about `count`."""

    async def promote(self) -> float | None:
        """Move due retries back to where they are read; return in how many seconds the next is due, None for none."""

    async def sweep(self, room: int) -> Sequence[Delivery]:
        """Take over entries of consumers whose lease has run out."""

    async def mark_isolated(self, delivery: Delivery) -> int:
        """Count that an entry is about to run alone; return how often it has."""

    async def unmark(self, delivery: Delivery) -> None:
        """Forget that count: the entry came to its end and its worker lives."""

    async def audit(self, known: Collection[Delivery], room: int) -> Sequence[Delivery]:
        """Return entries the server believes are ours but are not in `known` (a reply was lost)."""

    async def release(self, deliveries: Collection[Delivery]) -> None:
        """Hand entries back for others to take, without counting it against them."""

    async def trim(self, retention_s: float) -> int:
        """Forget entries older than this that every group has acknowledged; return how many."""

    async def close(self) -> None:
        """Give up the lease; the consumer's name is never used again."""
