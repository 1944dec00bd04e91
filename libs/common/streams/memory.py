"""Streams in memory under the same contract, for tests of the code above them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from libs.common.streams.entries import delivery_of
from libs.common.streams.port import HELD_BACK, LAG_MAX, DeadLetterLimit, DeadLetterReason, Delivery

# In seconds, and each as long as on the real server (lease.py, redis_channel.py): one suite tests both.
LEASE_S = 6.0
AUDIT_IDLE_S = 3.0
LIMIT_WINDOW_S = 60.0


@dataclass
class _Given:
    delivery: Delivery
    owner: str
    at: float


@dataclass
class _Group:
    read_to: int = 0
    given: dict[tuple[str, str], _Given] = field(default_factory=dict)
    retries: list[Delivery] = field(default_factory=list)
    parked: list[tuple[float, Delivery]] = field(default_factory=list)
    dead: list[tuple[Delivery, DeadLetterReason]] = field(default_factory=list)
    dead_at: list[float] = field(default_factory=list)
    counted_from: int = 0
    paused: str = ""
    leases: dict[str, float] = field(default_factory=dict)
    leader: str = ""
    isolated: dict[tuple[str, str], int] = field(default_factory=dict)


class MemoryStreams:
    """All topics of one test. `now` is a clock in seconds that a test may move by hand."""

    def __init__(
        self, now: Callable[[], float] = time.monotonic, lag_max: int = LAG_MAX, limit: DeadLetterLimit | None = None
    ) -> None:
        self.now = now
        self.lag_max = lag_max
        self.limit = limit or DeadLetterLimit()
        self.committed = asyncio.Event()
        self.entries: dict[str, list[Mapping[str, str]]] = {}
        self.groups: dict[tuple[str, str], _Group] = {}
        self.cursors: dict[str, str] = {}
        self.arrived = asyncio.Event()
        self.numbers = count(1)

    def publisher(self) -> "MemoryPublisher":
        """Return the writing side of all topics."""
        return MemoryPublisher(self)

    def channel(self, topic: str, group: str, *, ordered: bool = False) -> "MemoryChannel":
        """Return one topic as a new consumer of the group sees it."""
        return MemoryChannel(self, topic, group, ordered)

    def resume(self, topic: str, group: str) -> None:
        """Have a paused group go on, as an operator does."""
        state = self.groups[(topic, group)]
        state.paused, state.counted_from = "", len(state.dead_at)

    def behind(self, topic: str) -> int:
        """Return how many entries the slowest group of a topic has not been given."""
        length = len(self.entries.get(topic, []))
        return max((length - group.read_to for (name, _), group in self.groups.items() if name == topic), default=0)


class MemoryPublisher:
    """The writing side (implements port.Publisher)."""

    def __init__(self, streams: MemoryStreams) -> None:
        self._streams = streams

    async def cursors(self, topics: Sequence[str]) -> Mapping[str, str]:
        """Return each topic's cursor, empty where there is none."""
        return {topic: self._streams.cursors.get(topic, "") for topic in topics}

    async def publish(self, topic: str, expected: str, new: str, bodies: Sequence[str]) -> str:
        """Append and move the cursor."""
        if self._streams.cursors.get(topic, "") != expected:
            return self._streams.cursors.get(topic, "")
        if self._streams.behind(topic) > self._streams.lag_max:
            return HELD_BACK
        self._streams.entries.setdefault(topic, []).extend({"d": body} for body in bodies)
        self._streams.cursors[topic] = new
        self._streams.arrived.set()
        return new

    async def hint(self, outbox: str) -> None:
        """Set an event that all outboxes share: a test has one."""
        assert outbox
        self._streams.committed.set()

    async def hints(self, outbox: str) -> AsyncIterator[None]:
        """Yield each time that event is set."""
        while outbox:
            await self._streams.committed.wait()
            self._streams.committed.clear()
            yield


class MemoryChannel:
    """One topic as one consumer sees it (implements port.Channel)."""

    def __init__(self, streams: MemoryStreams, topic: str, group: str, ordered: bool = False) -> None:
        self.topic, self.group, self.consumer = topic, group, f"memory-{next(streams.numbers)}"
        self.ordered = ordered
        self._streams = streams
        self._state = streams.groups.setdefault((topic, group), _Group())

    async def open(self) -> None:
        """Take a lease."""
        self._state.leases[self.consumer] = self._streams.now() + LEASE_S

    async def lead(self) -> bool:
        """Take the lead unless a consumer with a lease has it."""
        if self.ordered and self._state.leases.get(self._state.leader, 0) < self._streams.now():
            self._state.leader = self.consumer
        return not self.ordered or self._state.leader == self.consumer

    async def read(self, count: int, block_s: float) -> Sequence[Delivery]:
        """Read new entries of both lanes."""
        self._beat()
        found = self._take(count)
        if not found and block_s > 0:
            self._streams.arrived.clear()
            try:
                async with asyncio.timeout(block_s):
                    await self._streams.arrived.wait()
            except TimeoutError:
                return []
            found = self._take(count)
        return found

    async def ack(self, deliveries: Collection[Delivery]) -> None:
        """End these entries for the group, whoever holds them."""
        for delivery in deliveries:
            self._state.given.pop((delivery.lane, delivery.entry_id), None)

    async def park(self, delivery: Delivery, delay_s: float, attempt: int) -> bool:
        """Put aside."""
        if not self._drop_if_mine(delivery):
            return False
        self._state.parked.append((self._streams.now() + delay_s, replace(delivery, attempt=attempt)))
        return True

    async def dead_letter(self, delivery: Delivery, reason: DeadLetterReason) -> bool:
        """Move to the dead letters."""
        if not self._drop_if_mine(delivery):
            return False
        self._state.dead.append((delivery, reason))
        self._state.dead_at.append(self._streams.now())
        return True

    async def may_dead_letter(self) -> bool:
        """Count, and pause beyond the limit."""
        state, limit = self._state, self._streams.limit
        counted = state.dead_at[state.counted_from :]
        lately = [at for at in counted if at > self._streams.now() - LIMIT_WINDOW_S]
        why = "count" if len(counted) >= limit.count else "rate" if len(lately) >= limit.a_minute else ""
        # A group that an operator has paused stays so for that reason.
        state.paused = state.paused or why
        return not state.paused

    async def paused(self) -> str:
        """Return the reason."""
        return self._state.paused

    async def promote(self) -> float | None:
        """Move due retries to the retry lane."""
        now = self._streams.now()
        due = [delivery for at, delivery in self._state.parked if at <= now]
        self._state.parked = [item for item in self._state.parked if item[0] > now]
        for delivery in due:
            entry_id = f"r-{next(self._streams.numbers)}"
            self._state.retries.append(replace(delivery, lane="r", entry_id=entry_id, times=1))
        if due:
            self._streams.arrived.set()
        return min((at - now for at, _ in self._state.parked), default=None)

    async def sweep(self, room: int) -> Sequence[Delivery]:
        """Take over from consumers without a lease."""
        self._beat()
        now = self._streams.now()
        lost = [(g, g.owner) for g in self._state.given.values() if self._state.leases.get(g.owner, 0) < now]
        return [replace(self._claim(given), previous_consumer=owner) for given, owner in lost[: max(0, room)]]

    async def mark_isolated(self, delivery: Delivery) -> int:
        """Count one more start of this entry alone; the count is the group's and outlives this consumer."""
        key = (delivery.lane, delivery.entry_id)
        self._state.isolated[key] = self._state.isolated.get(key, 0) + 1
        return self._state.isolated[key]

    async def unmark(self, delivery: Delivery) -> None:
        """Forget the count."""
        self._state.isolated.pop((delivery.lane, delivery.entry_id), None)

    async def audit(self, known: Collection[Delivery], room: int) -> Sequence[Delivery]:
        """Claim what is mine on the books only."""
        mine = {(delivery.lane, delivery.entry_id) for delivery in known}
        # What was read a moment ago may not be in `known` yet.
        old = self._streams.now() - AUDIT_IDLE_S
        forgotten = [
            given
            for key, given in self._state.given.items()
            if given.owner == self.consumer and given.at <= old and key not in mine
        ]
        return [self._claim(given) for given in forgotten[: max(0, room)]]

    async def release(self, deliveries: Collection[Delivery]) -> None:
        """Hand back, for any consumer to take."""
        for delivery in deliveries:
            given = self._state.given.get((delivery.lane, delivery.entry_id))
            if given and given.owner == self.consumer:
                given.owner = "~free"

    async def trim(self, retention_s: float) -> int:  # noqa: ARG002
        """Forget nothing: a test's memory is short enough."""
        return 0

    def depth(self) -> tuple[int, int, int, int]:
        """Count what is not given yet, given, parked and dead."""
        behind = len(self._streams.entries.get(self.topic, [])) - self._state.read_to
        return (
            behind + len(self._state.retries),
            len(self._state.given),
            len(self._state.parked),
            len(self._state.dead),
        )

    async def close(self) -> None:
        """Give up the lease."""
        self._state.leases.pop(self.consumer, None)

    def _beat(self) -> None:
        self._state.leases[self.consumer] = self._streams.now() + LEASE_S

    def _take(self, most: int) -> list[Delivery]:
        entries = self._streams.entries.get(self.topic, [])
        start = self._state.read_to
        taken = [delivery_of("s", f"s-{start + n}", fields) for n, fields in enumerate(entries[start : start + most])]
        self._state.read_to += len(taken)
        retries, self._state.retries = self._state.retries[:most], self._state.retries[most:]
        for delivery in (*taken, *retries):
            given = _Given(delivery, self.consumer, self._streams.now())
            self._state.given[(delivery.lane, delivery.entry_id)] = given
        return [*taken, *retries]

    def _claim(self, given: _Given) -> Delivery:
        # What was handed back in good order is not counted against the entry.
        times = given.delivery.times + (given.owner != "~free")
        given.owner, given.at = self.consumer, self._streams.now()
        given.delivery = replace(given.delivery, times=times)
        return given.delivery

    def _drop_if_mine(self, delivery: Delivery) -> bool:
        given = self._state.given.get((delivery.lane, delivery.entry_id))
        if given is None or given.owner != self.consumer:
            return False
        del self._state.given[(delivery.lane, delivery.entry_id)]
        return True
