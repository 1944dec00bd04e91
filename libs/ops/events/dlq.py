"""`therapyrag dlq`: what a group could not handle, why, and giving it back or dropping it."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.table import Column, Table

from libs.common.clock import to_json_time, utc_now
from libs.common.errors import NOT_FOUND, AppError
from libs.common.events import Envelope
from libs.common.streams.admin import DeadLetter, GroupStream
from libs.ops.console import Shown
from libs.ops.events.facts import at_ms, expiry, shown_envelope
from libs.ops.events.selection import GroupOption, TopicOption, duration
from libs.ops.operator_tools import Approval, AsOption, ExecuteFlag, OperatorTools

BATCH = 500

WhyOption = Annotated[str | None, typer.Option("--why", help="Only those dead-lettered for this reason.")]
OlderOption = Annotated[str | None, typer.Option("--older", help="Only those older than this: 12h, 30d.")]
DeadLettersOption = Annotated[
    list[str] | None, typer.Option("--id", help="Only this event or entry; may be given more than once.")
]
AllFlag = Annotated[bool, typer.Option("--all", help="Every dead letter.")]


@dataclass(frozen=True)
class Which:
    """Which dead letters are meant; what is not set narrows nothing."""

    topic: str | None = None
    group: str | None = None
    why: str | None = None
    before: datetime | None = None
    ids: frozenset[str] = frozenset()

    @property
    def is_everything(self) -> bool:
        """Tell whether nothing narrows it."""
        return not (self.topic or self.group or self.why or self.before or self.ids)

    def has(self, dead_letter: DeadLetter) -> bool:
        """Tell whether a dead_letter is meant."""
        if self.topic not in (None, dead_letter.lane.topic) or self.group not in (None, dead_letter.lane.group):
            return False
        if self.why not in (None, dead_letter.why) or (self.before and at_ms(dead_letter.at_ms) >= self.before):
            return False
        # By its entry too: a body that cannot be read has no id of an event.
        return not self.ids or dead_letter.entry_id in self.ids or str(_event(dead_letter).get("id")) in self.ids

    def as_arguments(self) -> dict[str, Any]:
        """Return names, ids and times for the record of actions."""
        before = to_json_time(self.before) if self.before else None
        named = {"topic": self.topic, "group": self.group, "why": self.why, "before": before}
        return {name: value for name, value in named.items() if value} | ({"ids": sorted(self.ids)} if self.ids else {})


async def list_dead_letters(
    tools: OperatorTools,
    topic: TopicOption = None,
    group: GroupOption = None,
    why: WhyOption = None,
    older: OlderOption = None,
) -> Shown:
    """List dead letters, newest first, and count them by reason."""
    dead_letters = await _dead_letters(tools, Which(topic, group, why, _before(older)))
    return Shown(
        [_row(dead_letter) for dead_letter in dead_letters], Group(_table(dead_letters), _reasons(dead_letters))
    )


async def show(
    tools: OperatorTools, dead_letter_id: Annotated[str, typer.Argument(help="The event's id, or the entry's.")]
) -> Shown:
    """Show dead letters of one event: why, where it broke, how often it was tried, and the event's facts."""
    dead_letters = await _dead_letters(tools, Which(ids=frozenset({dead_letter_id})))
    if not dead_letters:
        raise AppError(NOT_FOUND, "There is no such dead letter.")
    rows = [_row(dead_letter) | {"event": _event(dead_letter)} for dead_letter in dead_letters]
    return Shown(rows, Group(*(_one(row) for row in rows)))


async def redrive(
    tools: OperatorTools,
    topic: TopicOption = None,
    group: GroupOption = None,
    why: WhyOption = None,
    ids: DeadLettersOption = None,
    every: AllFlag = False,
    execute: ExecuteFlag = False,
    who: AsOption = None,
) -> Shown:
    """Give dead letters to their group again, as first attempts; what was applied meanwhile is only acknowledged."""
    rest = " The rest is gone, or has no body to be given out."
    change = _Change("redrive", tools.streams.redrive, "redriven", "given out again", rest)
    which = _confirmed(Which(topic, group, why, ids=frozenset(ids or ())), every)
    return await _changed(tools, change, which, Approval(execute, who))


async def drop(
    tools: OperatorTools,
    topic: TopicOption = None,
    group: GroupOption = None,
    why: WhyOption = None,
    older: OlderOption = None,
    ids: DeadLettersOption = None,
    every: AllFlag = False,
    execute: ExecuteFlag = False,
    who: AsOption = None,
) -> Shown:
    """Throw dead letters away. The facts stay in the archive: `events replay --id` brings one back."""
    which = _confirmed(Which(topic, group, why, _before(older), frozenset(ids or ())), every)
    change = _Change("drop", tools.streams.drop, "dropped", "dropped", "")
    return await _changed(tools, change, which, Approval(execute, who))


@dataclass(frozen=True)
class _Change:
    """What is done to dead letters: the act on a batch, the name of its count, and how both are reported."""

    verb: str
    act: Callable[[GroupStream, Sequence[str]], Awaitable[int]]
    counted: str
    outcome: str
    rest: str


async def _changed(tools: OperatorTools, change: _Change, which: Which, approval: Approval) -> Shown:
    dead_letters = await _dead_letters(tools, which)
    if not approval.execute:
        return _plan(change.verb, dead_letters)
    async with tools.recorded(approval.who, f"dlq.{change.verb}", which.as_arguments()) as counts:
        # From the start: the record of a deed that breaks off says how far it came.
        counts |= {"found": len(dead_letters), change.counted: 0}
        # In batches, so that no script holds the server up for thousands of letters.
        for lane, entry_ids in _batches(dead_letters):
            counts[change.counted] += await change.act(lane, entry_ids)
    done, found = counts[change.counted], counts["found"]
    rest = "" if done == found else change.rest
    return Shown(dict(counts), f"{done} of {found} dead letters {change.outcome}.{rest}")


def _before(older: str | None) -> datetime | None:
    return utc_now() - duration(older) if older else None


def _confirmed(which: Which, every: bool) -> Which:
    # An option that was forgotten must not mean all of them: that has to be said.
    if which.is_everything != every:
        raise typer.BadParameter("say which ones, or --all for every one")
    return which


async def _dead_letters(tools: OperatorTools, which: Which) -> list[DeadLetter]:
    lanes = (await tools.streams.keys()).lanes
    found = [dead_letter for lane in lanes for dead_letter in await tools.streams.dead_letters(lane)]
    meant = [dead_letter for dead_letter in found if which.has(dead_letter)]
    return sorted(meant, key=lambda dead_letter: dead_letter.at_ms, reverse=True)


def _batches(dead_letters: Sequence[DeadLetter]) -> list[tuple[GroupStream, list[str]]]:
    by_lane: dict[GroupStream, list[str]] = {}
    for dead_letter in dead_letters:
        by_lane.setdefault(dead_letter.lane, []).append(dead_letter.entry_id)
    return [(lane, ids[at : at + BATCH]) for lane, ids in by_lane.items() for at in range(0, len(ids), BATCH)]


def _plan(deed: str, dead_letters: Sequence[DeadLetter]) -> Shown:
    expired = sum(_has_expired(dead_letter) for dead_letter in dead_letters)
    payload = {"plan": deed, "dead_letters": len(dead_letters), "by_reason": _count(dead_letters), "expired": expired}
    empty = sum(not dead_letter.body for dead_letter in dead_letters)
    sentences = [f"Would {deed} {len(dead_letters)} dead letters. Nothing was changed; --execute does it."]
    if expired and deed == "redrive":
        sentences.append(
            f"{expired} of them carry a capability that has expired and would die again: `events replay --id`."
        )
    if empty and deed == "redrive":
        sentences.append(f"{empty} of them have no body to be given out, and would stay.")
    return Shown(payload | {"executed": False}, Group(_reasons(dead_letters), *sentences))


def _has_expired(dead_letter: DeadLetter) -> bool:
    try:
        # What cannot be read has no capability that could have expired.
        expires_at = expiry(Envelope.from_json(dead_letter.body))
    except (ValueError, KeyError, TypeError):
        return False
    return expires_at is None or expires_at <= utc_now()


def _count(dead_letters: Sequence[DeadLetter]) -> dict[str, int]:
    return dict(
        Counter(
            f"{dead_letter.lane.topic}/{dead_letter.lane.group} {dead_letter.why}" for dead_letter in dead_letters
        ).most_common()
    )


def _event(dead_letter: DeadLetter) -> dict[str, Any]:
    try:
        # A poison message is no event, and is listed by its entry and size alone.
        return shown_envelope(Envelope.from_json(dead_letter.body))
    except (ValueError, KeyError, TypeError):
        return {}


def _row(dead_letter: DeadLetter) -> dict[str, Any]:
    event = _event(dead_letter)
    return {
        "topic": dead_letter.lane.topic,
        "group": dead_letter.lane.group,
        "entry": dead_letter.entry_id,
        "event_id": event.get("id"),
        "type": event.get("type"),
        "why": dead_letter.why,
        "place": dead_letter.place,
        "attempts": dead_letter.attempts,
        "epoch": dead_letter.epoch,
        "size_bytes": dead_letter.size_bytes,
        "at": to_json_time(at_ms(dead_letter.at_ms)),
    }


def _table(dead_letters: Sequence[DeadLetter]) -> Table:
    whole = (Column("at", no_wrap=True), Column("event", no_wrap=True))  # to be pasted into the next command
    table = Table(*whole, "topic/group", "why", "place", "tries", "type", box=None)
    for row in map(_row, dead_letters):
        group, tries = f"{row['topic']}/{row['group']}", str(row["attempts"])
        event = row["event_id"] or row["entry"]
        table.add_row(row["at"], event, group, row["why"], row["place"], tries, row["type"] or "unreadable")
    return table


def _reasons(dead_letters: Sequence[DeadLetter]) -> Table:
    table = Table("group", "why", "count", box=None)
    for name, number in _count(dead_letters).items():
        table.add_row(*name.split(" ", 1), str(number))
    return table


def _one(row: dict[str, Any]) -> Table:
    table = Table(box=None, show_header=False)
    for name in ("topic", "group", "entry", "why", "place", "attempts", "epoch", "size_bytes", "at"):
        table.add_row(name, str(row[name]))
    for name, value in row["event"].items():
        table.add_row(f"event.{name}", str(value))
    return table
