"""Reading outboxes as the relay's own role, which may read them and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from libs.common.errors import UNAVAILABLE, AppError
from libs.common.events import Envelope

BATCH_MAX = 500


@dataclass(frozen=True)
class Row:
    """A published fact and the cursor that points just after it."""

    cursor: str
    envelope: Envelope


class Outbox:
    """One schema's outbox in the order of its transactions, fenced against those that commit late."""

    def __init__(self, url: str, schema: str) -> None:
        self._engine = create_async_engine(url, pool_size=2, pool_pre_ping=True, hide_parameters=True)
        # Rows of a transaction older than the oldest one still running can no longer appear behind the cursor.
        self._select = text(
            f"select s.system_identifier::text as sysid, o.xid::text as xid, o.seq, o.id, o.topic, o.key, o.type, "  # noqa: S608
            f"o.version, o.payload, o.headers, o.at from {schema}.outbox o, pg_control_system() s "
            "where o.topic = :topic and (o.xid, o.seq) > (cast(cast(:xid as text) as xid8), :seq) "
            "and o.xid < pg_snapshot_xmin(pg_current_snapshot()) order by o.xid, o.seq limit :most"
        )

    async def after(self, topic: str, cursor: str) -> Sequence[Row]:
        """Return up to 500 rows behind the cursor (empty: from the start).

        Raises AppError(UNAVAILABLE) when PostgreSQL does not answer, and ValueError for another cluster's cursor.
        """
        sysid, xid, seq = cursor.split(":") if cursor else ("", "0", "0")
        try:
            async with self._engine.connect() as connection:
                found = await connection.execute(
                    self._select, {"topic": topic, "xid": xid, "seq": int(seq), "most": BATCH_MAX}
                )
                rows = [row._mapping for row in found]
        except DBAPIError as error:
            raise AppError(UNAVAILABLE, "The database is not answering.", retry_after_s=1) from error
        if rows and sysid and rows[0]["sysid"] != sysid:
            raise ValueError("the stream's cursor belongs to another database cluster")
        return [Row(f"{row['sysid']}:{row['xid']}:{row['seq']}", _envelope(row)) for row in rows]

    async def close(self) -> None:
        """Give the connections back."""
        await self._engine.dispose()


def _envelope(row: Any) -> Envelope:
    return Envelope(
        id=row["id"],
        type=row["type"],
        version=row["version"],
        topic=row["topic"],
        key=row["key"],
        at=row["at"],
        payload=row["payload"],
        headers=row["headers"],
    )
