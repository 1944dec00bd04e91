"""One session's life across the services: every fact about it, who has applied it and when, and where the rest is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from libs.common.messaging.archive import Applied, Fact, Wanted
from libs.common.streams.locate import Location, locate_event
from libs.ops.events.answers import ANSWERS, Answer, answering
from libs.ops.events.cursors import cursors
from libs.ops.operator_tools import OperatorTools

FACTS_MAX = 2_000
# An id's own time may be a little later than the clock of the database that wrote its first fact.
SLACK = timedelta(hours=1)
UUID7 = 7


@dataclass(frozen=True)
class Answering:
    """One group's answer to a fact: applied at a time, or where it is instead.

    `state` is applied, failed, unpublished, waiting, pending, parked, dead or nowhere.
    """

    group: str
    answer: Answer
    state: str
    at: datetime | None = None
    epoch: int = 0
    where: Location | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether this is still to be done."""
        return self.state not in ("applied", "failed")


@dataclass(frozen=True)
class Step:
    """A fact and its answers."""

    fact: Fact
    answers: tuple[Answering, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class StreamSnapshot:
    """What Redis says at one moment: the cursors, and what is on its way to each group."""

    published: dict[str, tuple[int, int]]
    on_the_way: dict[tuple[str, str], dict[UUID, Location]]


async def timeline(tools: OperatorTools, session_id: UUID, books: StreamSnapshot) -> list[Step]:
    """Return all facts about a session in the order they happened, each with its answers."""
    wanted = Wanted(mentions=("session_id", str(session_id)), since=created_after(session_id))
    facts = [fact for schema in tools.archive.schemas for fact in await tools.archive.newest(schema, wanted, FACTS_MAX)]
    ids = [fact.envelope.id for fact in facts]
    notes = {group: await tools.archive.applied(group, ids) for group in ANSWERS} if ids else {}
    ordered = sorted(facts, key=lambda fact: (fact.envelope.at, fact.position))
    return [Step(fact, tuple(_answers(fact, notes, books))) for fact in ordered]


async def read_books(tools: OperatorTools) -> StreamSnapshot:
    """Look once at all streams, so that many sessions can be judged by it."""
    published = {
        cursor.stream: (cursor.position.xid, cursor.position.seq)
        for cursor in await cursors(tools)
        if cursor.position is not None
    }
    keys = await tools.streams.keys()
    on_the_way: dict[tuple[str, str], dict[UUID, Location]] = {}
    for lane in keys.lanes:
        found = on_the_way.setdefault((lane.topic, lane.group), {})
        found |= await locate_event(tools.streams, lane)
    return StreamSnapshot(published, on_the_way)


def created_after(session_id: UUID) -> datetime | None:
    """Return a time before which nothing can be about an id that carries its own time, so that old days are spared."""
    if session_id.version != UUID7:
        return None
    # The first 48 bits of a UUID of version 7 are milliseconds since 1970 (RFC 9562, section 5.7).
    return datetime.fromtimestamp((session_id.int >> 80) / 1000, UTC) - SLACK


def _answers(fact: Fact, notes: dict[str, list[Applied]], books: StreamSnapshot) -> list[Answering]:
    return [
        _answer(fact, group, [note for note in notes[group] if note.event_id == fact.envelope.id], books)
        for group in answering(fact.envelope.type)
    ]


def _answer(fact: Fact, group: str, notes: Sequence[Applied], books: StreamSnapshot) -> Answering:
    answer = ANSWERS[group][fact.envelope.type]
    where = books.on_the_way.get((fact.envelope.topic, group), {}).get(fact.envelope.id)
    for note in notes:
        # First of all: an event that was applied may still be on its way a second time.
        if note.group == group:
            return Answering(group, answer, "applied", note.at, note.epoch)
    if where is not None:
        return Answering(group, answer, where.state, where=where)
    if notes:
        return Answering(group, answer, "failed", notes[0].at, notes[0].epoch)
    cursor = books.published.get(fact.envelope.topic)
    if cursor is None or (fact.position.xid, fact.position.seq) > cursor:
        return Answering(group, answer, "unpublished")
    # Published, not applied and on no way: the stream has lost it, and only a replay brings it back.
    return Answering(group, answer, "nowhere")
