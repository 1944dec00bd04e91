"""Reading an outbox as the relay's own role, which may read it, keep its partitions, and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from libs.common.errors import UNAVAILABLE, AppError
from libs.common.events import STAND_IN
from libs.common.streams.entries import ENTRY_SIZE_MAX

BATCH_MAX = 500
"""Facts of a topic in one call to the stream: enough for its throughput, and little for its memory."""
CONNECT_TIMEOUT_S = 5
"""Within one network: a server that has not answered by then is away, and is asked again."""
START = "0:0"
"""The cursor before the first row, behind the cluster's id."""

# Rows of a transaction older than the oldest one still running can no longer appear behind a cursor.
# PostgreSQL makes the wire form (Envelope.to_json): parsing each row here would cost more than all the rest.
# What is too large to be an event is not carried: a small body that no group can read stands in for it, so that it goes
# to each group's dead letters by its id, and the rows behind it go on.
_AFTER = """
select s.system_identifier::text as sysid, pg_snapshot_xmax(pg_current_snapshot()) <= c.xid as ahead,
       c.topic, o.xid::text as xid, o.seq, o.at, octet_length(o.body) > %(largest)s or o.is_stand_in as too_large,
       case when octet_length(o.body) > %(largest)s
         then json_build_object('id', o.id, 'type', o.type, 'topic', o.topic, '{stand_in}', octet_length(o.body))::text
         else o.body end as body
from pg_control_system() s
cross join (select topic, xid::xid8, seq from unnest(%(topics)s::text[], %(xids)s::text[], %(seqs)s::bigint[])
            as given(topic, xid, seq)) c
left join lateral (
  select o.xid, o.seq, o.at, o.id, o.type, o.topic, w.stored > %(largest)s as is_stand_in,
    case when w.stored > %(largest)s
    then json_build_object('id', o.id, 'type', o.type, 'topic', o.topic, '{stand_in}', w.stored)::text
    else json_build_object('id', o.id, 'type', o.type, 'version', o.version, 'topic', o.topic,
    'key', o.key, 'at', to_char(o.at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'payload', o.payload, 'headers', o.headers)::text end as body
  from {schema}.outbox o cross join lateral (select pg_column_size(o.payload) + pg_column_size(o.headers)) w(stored)
  where o.topic = c.topic and (o.xid, o.seq) > (c.xid, c.seq) and o.xid < pg_snapshot_xmin(pg_current_snapshot())
  order by o.xid, o.seq limit %(most)s) o on true"""


@dataclass(frozen=True)
class UnpublishedBatch:
    """What is behind a topic's cursor: up to 500 bodies, and the cursor that points just after them.

    `sysid` is the cluster's own id; `is_foreign` says that the cursor belongs to another cluster, or to a future that
    this one, restored from a backup, never had; `too_large` counts bodies that only stand in for an event.
    """

    topic: str
    cursor: str
    sysid: str
    is_foreign: bool
    bodies: Sequence[str] = ()
    new: str = ""
    oldest_at: datetime | None = None
    too_large: int = 0


class Outbox:
    """One schema's outbox in the order of its transactions, fenced against those that commit late.

    Raises AppError(UNAVAILABLE) when PostgreSQL does not answer. One caller at a time.
    """

    def __init__(self, url: str, schema: str) -> None:
        self.schema = schema
        self._url = url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._after = _AFTER.format(schema=schema, stand_in=STAND_IN)
        self._open: psycopg.AsyncConnection[dict[str, Any]] | None = None

    async def after(self, cursors: Mapping[str, str]) -> Sequence[UnpublishedBatch]:
        """Return what is behind each topic's cursor (`sysid:xid:seq`; empty: from the start)."""
        split = {topic: (cursor or f":{START}").split(":") for topic, cursor in cursors.items()}
        rows = await self._fetch(
            self._after,
            {
                "topics": list(split),
                "xids": [xid for _, xid, _ in split.values()],
                "seqs": [int(seq) for _, _, seq in split.values()],
                "most": BATCH_MAX,
                "largest": ENTRY_SIZE_MAX,
            },
        )
        by_topic: dict[str, list[dict[str, Any]]] = {topic: [] for topic in cursors}
        for row in rows:
            by_topic[row["topic"]].append(row)
        return [_behind(topic, cursors[topic], split[topic][0], found) for topic, found in by_topic.items()]

    async def oldest_write_s(self) -> float:
        """Return the age of the oldest open transaction that has written: rows of later ones wait for it."""
        # The relay may not see other roles' transactions; a function returns the age only.
        return float((await self._fetch("select ops.oldest_write_s() as age", {}))[0]["age"])

    async def keep(self, retention_days: int, moved: int) -> tuple[int, int]:
        """Make the partitions of the next weeks and drop those past the retention whose rows are all moved.

        `moved` is a transaction id: rows before it are published. Returns how many were made and dropped.
        """
        query = f"select made, dropped from {self.schema}.keep_archive(%(days)s, %(moved)s::text)"  # noqa: S608
        row = (await self._fetch(query, {"days": retention_days, "moved": moved}))[0]
        return int(row["made"]), int(row["dropped"])

    async def close(self) -> None:
        """Give the connection back."""
        if self._open is not None:
            await self._open.close()
            self._open = None

    async def _fetch(self, query: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        try:
            if self._open is None or self._open.closed:
                self._open = await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, row_factory=dict_row, connect_timeout=CONNECT_TIMEOUT_S
                )
            return await (await self._open.execute(query, parameters)).fetchall()
        except psycopg.Error as error:
            await self.close()
            raise AppError(
                UNAVAILABLE, "The database is not answering.", retry_after_s=1, sqlstate=error.sqlstate
            ) from error


def _behind(topic: str, cursor: str, sysid: str, rows: Sequence[Mapping[str, Any]]) -> UnpublishedBatch:
    first, last = rows[0], rows[-1]
    is_foreign = bool(first["ahead"]) or (cursor != "" and sysid != first["sysid"])
    if first["body"] is None:
        return UnpublishedBatch(topic, cursor, first["sysid"], is_foreign)
    new = f"{first['sysid']}:{last['xid']}:{last['seq']}"
    bodies, too_large = [row["body"] for row in rows], sum(bool(row["too_large"]) for row in rows)
    return UnpublishedBatch(topic, cursor, first["sysid"], is_foreign, bodies, new, first["at"], too_large)
