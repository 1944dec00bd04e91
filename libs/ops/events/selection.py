"""How facts are chosen on the command line: by session, id, type, topic or time; times as `15m` or ISO 8601."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic_core import PydanticCustomError

from libs.common.client_time import read_day_or_instant
from libs.common.clock import to_json_time, utc_now
from libs.common.local_time import start_of
from libs.common.messaging.archive import Wanted

SessionOption = Annotated[UUID | None, typer.Option("--session", help="Only facts about this session.")]
IdOption = Annotated[UUID | None, typer.Option("--id", help="Only the fact with this id.")]
TypeOption = Annotated[str | None, typer.Option("--type", help="Only facts of this type, such as transcript.ready.")]
TopicOption = Annotated[str | None, typer.Option("--topic", help="Only this topic.")]
GroupOption = Annotated[str | None, typer.Option("--group", help="Only this group, which is a service's name.")]
SinceOption = Annotated[str | None, typer.Option("--since", help="From this long ago on: 15m, 2h, 3d.")]
FromOption = Annotated[str | None, typer.Option("--from", help="From this time on (ISO 8601; a bare date is in UTC).")]
ToOption = Annotated[str | None, typer.Option("--to", help="Up to this time (ISO 8601; a bare date is in UTC).")]

_DURATION = re.compile(r"(\d+)(s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Chosen:
    """What the options name; `as_arguments` and `of_arguments` are how it is kept in the record of actions."""

    session: UUID | None = None
    id: UUID | None = None
    type: str | None = None
    topic: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def wanted(self, *topics: str) -> Wanted:
        """Return what the archive is asked, of these topics as the archive has them."""
        mentions = ("session_id", str(self.session)) if self.session else None
        return Wanted(topics, self.type, self.id, mentions, self.since, self.until)

    def has(self, stream: str) -> bool:
        """Tell whether a stream is of the topic that is meant."""
        return self.topic in (None, stream)

    @property
    def is_everything(self) -> bool:
        """Tell whether nothing narrows it."""
        # `until` narrows nothing: a replay always has one, so that it does not chase what it sets going.
        return not any((self.session, self.id, self.type, self.topic, self.since))

    def as_arguments(self) -> dict[str, Any]:
        """Return ids, names and times, ready for JSON."""
        times = {"since": self.since, "until": self.until}
        plain = {"session": self.session, "id": self.id, "type": self.type, "topic": self.topic}
        kept = {name: str(value) for name, value in plain.items() if value is not None}
        return kept | {name: to_json_time(at) for name, at in times.items() if at is not None}

    @staticmethod
    def of_arguments(kept: dict[str, Any]) -> "Chosen":
        """Read it back."""
        session, id_, since, until = (kept.get(name) for name in ("session", "id", "since", "until"))
        return Chosen(
            session=UUID(session) if session else None,
            id=UUID(id_) if id_ else None,
            type=kept.get("type"),
            topic=kept.get("topic"),
            since=datetime.fromisoformat(since) if since else None,
            until=datetime.fromisoformat(until) if until else None,
        )


def since_of(since: str | None, start: str | None) -> datetime | None:
    """Return when the time begins; raise BadParameter for both options together."""
    if since and start:
        raise typer.BadParameter("give --since or --from, not both")
    if since:
        return utc_now() - duration(since)
    return moment(start) if start else None


def duration(text: str) -> timedelta:
    """Read 30s, 15m, 2h or 3d; raise BadParameter."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"{text}: a duration is a number and s, m, h or d, such as 15m")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def moment(text: str) -> datetime:
    """Read a time that names its zone, or a date as the start of that day in UTC; raise BadParameter."""
    try:
        at = read_day_or_instant(text)
    except PydanticCustomError as error:
        raise typer.BadParameter(f"{text}: a time is ISO 8601 with its zone, such as 2026-11-01T08:00Z") from error
    return at if isinstance(at, datetime) else start_of(at, UTC)
