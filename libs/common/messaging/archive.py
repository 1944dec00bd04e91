"""The archive as operators read it: every schema's outbox, and the inboxes that say what was applied of it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidRequestError
from sqlalchemy.ext.asyncio import create_async_engine

from libs.common.errors import FORBIDDEN, INTERNAL, UNAVAILABLE, AppError
from libs.common.events import Envelope

COUNTED_EXACTLY_BELOW = 1_000_000
CONNECT_TIMEOUT_S = 5
"""An operator sits before it and would rather be told."""
CONNECTIONS_MAX = 2
"""An operator's command asks one thing after another."""
_NOT_ALLOWED = "42501"
# libpq tells a refused login by its text alone.
_LOGIN_REFUSED = re.compile(
    r"authentication failed|no password supplied|no pg_hba.conf entry|role \".*\" does not exist"
)
# Rows of a transaction older than the oldest one still running can no longer appear behind a cursor.
_SETTLED = "xid < pg_snapshot_xmin(pg_current_snapshot())"
# Named apart from the column: `order by xid` would sort the text, in which 1000 comes before 999.
_COLUMNS = "xid::text as xid_text, seq, id, topic, key, type, version, payload, headers, at"


@dataclass(frozen=True, order=True)
class Position:
    """Where a fact stands in its schema's archive: its transaction, then its number."""

    xid: int = 0
    seq: int = 0


START = Position()


@dataclass(frozen=True)
class Fact:
    """A fact as it is archived."""

    schema: str
    position: Position
    envelope: Envelope


@dataclass(frozen=True)
class Wanted:
    """Which facts are meant; what is not set narrows nothing.

    `topics` as the archive has them: an ordered topic's facts are under the streams they go to. `mentions` is a field
    of the payload and its value.
    """

    topics: tuple[str, ...] = ()
    type: str | None = None
    id: UUID | None = None
    mentions: tuple[str, str] | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Applied:
    """A note of an inbox: this group has applied this event, in this epoch."""

    group: str
    event_id: UUID
    epoch: int
    at: datetime


@dataclass(frozen=True)
class Waiting:
    """What has not been published of a topic: how many rows, and since when the oldest waits."""

    rows: int
    oldest_at: datetime | None


class Archive:
    """All schemas' event tables, seen as a role that may read them (postgresql+psycopg://).

    Every call raises AppError: UNAVAILABLE when PostgreSQL does not answer, FORBIDDEN when the role may not.
    """

    def __init__(self, url: str, schemas: Sequence[str]) -> None:
        """Open no connection yet; raise ValueError for what is no address."""
        self.schemas = tuple(schemas)
        try:
            self._engine = create_async_engine(
                url,
                pool_size=CONNECTIONS_MAX,
                pool_pre_ping=True,
                hide_parameters=True,
                connect_args={"connect_timeout": CONNECT_TIMEOUT_S},
            )
        except (ArgumentError, InvalidRequestError, ImportError) as error:
            raise ValueError("not an address") from error

    async def ask(
        self, statement: str, parameters: Mapping[str, Any] | None = None, *, within_s: int | None = None
    ) -> list[Mapping[str, Any]]:
        """Run one statement in a transaction of its own and return its rows; `within_s` instead of the role's limit."""
        try:
            async with self._engine.begin() as connection:
                if within_s is not None:
                    limit = {"limit": f"{within_s}s"}
                    await connection.execute(text("select set_config('statement_timeout', :limit, true)"), limit)
                found = await connection.execute(text(statement), parameters or {})
                return [dict(row._mapping) for row in found] if found.returns_rows else []
        except DBAPIError as error:
            state = getattr(error.orig, "sqlstate", None)
            if state is None and _LOGIN_REFUSED.search(str(error.orig)):
                raise AppError(
                    FORBIDDEN, "The database refuses this login: its name, password or database is wrong."
                ) from error
            if state == _NOT_ALLOWED:
                raise AppError(FORBIDDEN, "The database role lacks permission for this.", sqlstate=state) from error
            # Class 08 is the connection's, 57 an operator's intervention such as a restart: both pass.
            if state is None or state.startswith(("08", "57")):
                raise AppError(UNAVAILABLE, "The database is not answering.", sqlstate=state) from error
            raise AppError(
                INTERNAL, f"The database cannot answer this (SQLSTATE {state}): is it the right one?", sqlstate=state
            ) from error

    async def topics(self) -> dict[str, str]:
        """Return the schema that writes each topic (of an ordered one: each stream), where anything was written."""
        found: dict[str, str] = {}
        for schema in self.schemas:
            rows = await self.ask(
                f"with recursive t as ((select topic from {schema}.outbox order by topic limit 1) union all "  # noqa: S608
                f"select (select topic from {schema}.outbox o where o.topic > t.topic order by topic limit 1) from t "
                "where t.topic is not null) select topic from t where topic is not null"
            )
            found |= {row["topic"]: schema for row in rows}
        return found

    async def after(self, schema: str, wanted: Wanted, position: Position, most: int) -> list[Fact]:
        """Return facts behind a position in the order of their transactions, none that another could still precede."""
        condition, values = _condition(wanted)
        rows = await self.ask(
            f"select {_COLUMNS} from {schema}.outbox where {_SETTLED} and (xid, seq) > "  # noqa: S608
            f"(cast(cast(:xid as text) as xid8), :seq) and {condition} order by xid, seq limit :most",
            values | {"xid": str(position.xid), "seq": position.seq, "most": most},
        )
        return [_fact(schema, row) for row in rows]

    async def newest(self, schema: str, wanted: Wanted, most: int) -> list[Fact]:
        """Return the last facts, oldest of them first."""
        condition, values = _condition(wanted)
        rows = await self.ask(
            f"select {_COLUMNS} from {schema}.outbox where {condition} order by xid desc, seq desc limit :most",  # noqa: S608
            values | {"most": most},
        )
        return [_fact(schema, row) for row in reversed(rows)]

    async def waiting(self, schema: str, wanted: Wanted, position: Position) -> Waiting:
        """Count the facts behind a position."""
        condition, values = _condition(wanted)
        (row,) = await self.ask(
            f"select count(*) as rows, min(at) as oldest_at from {schema}.outbox "  # noqa: S608
            f"where (xid, seq) > (cast(cast(:xid as text) as xid8), :seq) and {condition}",
            values | {"xid": str(position.xid), "seq": position.seq},
        )
        return Waiting(int(row["rows"]), row["oldest_at"])

    async def just_before(self, schema: str, wanted: Wanted) -> Position | None:
        """Return the position just before the first fact that is wanted; None when there is none."""
        condition, values = _condition(wanted)
        rows = await self.ask(
            f"select xid::text as xid_text, seq from {schema}.outbox where {condition} order by xid, seq limit 1",  # noqa: S608
            values,
        )
        return Position(int(rows[0]["xid_text"]), int(rows[0]["seq"]) - 1) if rows else None

    async def applied(self, schema: str, ids: Iterable[UUID]) -> list[Applied]:
        """Return what a schema's inbox knows of these events."""
        rows = await self.ask(
            f"select grp, event_id, epoch, at from {schema}.inbox where event_id = any (:ids) order by at",  # noqa: S608
            {"ids": list(ids)},
        )
        return [Applied(row["grp"], row["event_id"], row["epoch"], row["at"]) for row in rows]

    async def inbox_rows(self, schema: str) -> int:
        """Count a schema's inbox: exactly, or from the statistics when it is long."""
        (row,) = await self.ask(
            "select coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint as rows from pg_class c where c.oid = "
            "cast(:name as regclass) or c.oid in (select inhrelid from pg_inherits where inhparent = "
            "cast(:name as regclass))",
            {"name": f"{schema}.inbox"},
        )
        if row["rows"] < COUNTED_EXACTLY_BELOW:
            (row,) = await self.ask(f"select count(*) as rows from {schema}.inbox")  # noqa: S608
        return int(row["rows"])

    async def partitions(self, schema: str) -> list[str]:
        """Return the names of the outbox's partitions, none where it is one table."""
        rows = await self.ask(
            "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid "
            "where i.inhparent = cast(:name as regclass) order by 1",
            {"name": f"{schema}.outbox"},
        )
        return [str(row["relname"]) for row in rows]

    async def now(self) -> Position:
        """Return a position behind which everything is that commits from now on, and perhaps a little more."""
        (row,) = await self.ask("select pg_snapshot_xmin(pg_current_snapshot())::text as oldest")
        return Position(int(row["oldest"]))

    async def cluster(self) -> tuple[str, int]:
        """Return which database cluster this is, and the first transaction id it has not used yet."""
        (row,) = await self.ask(
            "select system_identifier::text as sysid, pg_snapshot_xmax(pg_current_snapshot())::text as next "
            "from pg_control_system()"
        )
        return row["sysid"], int(row["next"])

    async def close(self) -> None:
        """Give the connections back."""
        await self._engine.dispose()


def _condition(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    parts, values = ["true"], dict[str, Any]()
    if wanted.topics:
        parts.append("topic = any (:topics)" if len(wanted.topics) > 1 else "topic = :topic")
        values |= {"topics": list(wanted.topics)} if len(wanted.topics) > 1 else {"topic": wanted.topics[0]}
    for column in ("type", "id"):
        value = getattr(wanted, column)
        if value is not None:
            parts.append(f"{column} = :{column}")
            values[column] = value
    if wanted.mentions is not None:
        parts.append("payload ->> :field = :mentioned")
        values |= {"field": wanted.mentions[0], "mentioned": wanted.mentions[1]}
    for name, comparison in (("since", "at >= :since"), ("until", "at < :until")):
        if getattr(wanted, name) is not None:
            parts.append(comparison)
            values[name] = getattr(wanted, name)
    return " and ".join(parts), values


def _fact(schema: str, row: Mapping[str, Any]) -> Fact:
    names = ("id", "type", "version", "topic", "key", "at", "payload", "headers")
    members = {name: row[name] for name in names}
    for name in ("payload", "headers"):
        # A value that was written around our code is shown as empty; its consumer refuses it.
        members[name] = members[name] if isinstance(members[name], dict) else {}
    return Fact(schema, Position(int(row["xid_text"]), int(row["seq"])), Envelope(**members))
