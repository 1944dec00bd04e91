"""What the operators' role asks the database beyond archives: sessions, ages, and the record of actions."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from libs.common.messaging.archive import Archive

# What has hung for longer than this is no longer a thing of the moment, and the archive's old weeks are spared.
LOOK_BACK = timedelta(days=30)
FINAL = ("ready", "failed", "withheld", "erased")


@dataclass(frozen=True)
class SessionNow:
    """A session's status and the purposes that are in force for it at this moment."""

    status: str
    purposes: frozenset[str]


@dataclass(frozen=True)
class LastStatus:
    """The newest status a session is known to have reached, from the archive."""

    session_id: UUID
    status: str
    at: datetime


class OpsStore:
    """Questions to the functions and the one table of schema `ops`."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    async def sessions(self, ids: Collection[UUID]) -> dict[UUID, SessionNow]:
        """Return the sessions that exist; an erased one does not."""
        rows = await self._archive.ask(
            "select session_id, status, purposes from ops.sessions(cast(:ids as uuid[]))", {"ids": list(ids)}
        )
        return {row["session_id"]: SessionNow(row["status"], frozenset(row["purposes"])) for row in rows}

    async def last_statuses(self, before: datetime, most: int) -> list[LastStatus]:
        """Return sessions whose last status is not final and older than that, the oldest first."""
        rows = await self._archive.ask(
            "select session_id, status, at from (select distinct on (key) payload ->> 'session_id' as session_id, "
            "payload ->> 'status' as status, at from ingestion.outbox "
            "where (topic = 'session' or topic like 'session.%') and type = 'session.status_changed' "
            "and at >= :after order by key, xid desc, seq desc) last "
            "where status <> all (:final) and at < :before order by at limit :most",
            {"final": list(FINAL), "before": before, "after": before - LOOK_BACK, "most": most},
        )
        return [LastStatus(UUID(row["session_id"]), row["status"], row["at"]) for row in rows]

    async def oldest_write_s(self) -> float:
        """Return the age of the oldest transaction that has written; facts newer than it wait for its end."""
        (row,) = await self._archive.ask("select ops.oldest_write_s() as age")
        return float(row["age"])

    async def note(
        self, action_id: UUID, state: str, who: str, deed: tuple[str, Mapping[str, Any]], **counts: Any
    ) -> None:
        """Add to the record; `deed` is what was done and with which ids and numbers."""
        what, arguments = deed
        await self._archive.ask(
            "insert into ops.action (action_id, state, who, what, arguments, counts) values "
            "(:action_id, :state, :who, :what, cast(:arguments as jsonb), cast(:counts as jsonb))",
            {
                "action_id": action_id,
                "state": state,
                "who": who,
                "what": what,
                "arguments": json.dumps(arguments, default=str),
                "counts": json.dumps(counts, default=str),
            },
        )

    async def actions(self, most: int) -> Sequence[Mapping[str, Any]]:
        """Return the newest entries of the record, oldest of them first."""
        rows = await self._archive.ask(
            "select action_id, at, state, who, what, arguments, counts from ops.action order by id desc limit :most",
            {"most": most},
        )
        return list(reversed(rows))

    async def begun(self, what: str, name: str) -> Mapping[str, Any] | None:
        """Return the arguments an action of this name was begun with."""
        rows: Iterable[Mapping[str, Any]] = await self._archive.ask(
            "select arguments from ops.action where what = :what and state = 'begun' and arguments ->> 'name' = :name "
            "order by id limit 1",
            {"what": what, "name": name},
        )
        return next((row["arguments"] for row in rows), None)
