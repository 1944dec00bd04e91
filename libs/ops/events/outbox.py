"""`therapyrag outbox`: how far the relays are with each service's archive, and what holds them up."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from libs.common.clock import to_json_time, utc_now
from libs.common.messaging.archive import START, Position, Wanted
from libs.ops.console import Shown
from libs.ops.events.cursors import Cursor, cursors
from libs.ops.events.facts import ago
from libs.ops.operator_tools import OperatorTools


async def status(tools: OperatorTools) -> Shown:
    """Show per service and topic what is not published, since when, the partitions, and the length of the inboxes."""
    topics = [await _topic(tools, cursor) for cursor in await cursors(tools)]
    schemas = [await _schema(tools, schema) for schema in tools.archive.schemas]
    oldest_s = await tools.store.oldest_write_s()
    payload = {"topics": topics, "schemas": schemas, "oldest_write_transaction_s": round(oldest_s, 3)}
    oldest = f"oldest transaction that has written: {ago(timedelta(seconds=oldest_s))}"
    return Shown(payload, Group(_topics_table(topics), _schemas_table(schemas), oldest))


async def _topic(tools: OperatorTools, cursor: Cursor) -> dict[str, Any]:
    # A cursor that cannot be ours says nothing: then all of the archive is still to be published.
    behind = cursor.position if cursor.state == "in order" else START
    waiting = await tools.archive.waiting(cursor.schema, Wanted(topics=(cursor.stream,)), behind or Position())
    return {
        "service": cursor.schema,
        "topic": cursor.topic,
        "stream": cursor.stream,
        "cursor": cursor.text,
        "cursor_state": cursor.state,
        "unpublished": waiting.rows,
        "oldest_unpublished_at": to_json_time(waiting.oldest_at) if waiting.oldest_at else None,
        "oldest_unpublished_s": (utc_now() - waiting.oldest_at).total_seconds() if waiting.oldest_at else None,
    }


async def _schema(tools: OperatorTools, schema: str) -> dict[str, Any]:
    partitions = await tools.archive.partitions(schema)
    return {"service": schema, "partitions": partitions, "inbox_rows": await tools.archive.inbox_rows(schema)}


def _topics_table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table("service", "stream", "cursor", "unpublished", "oldest", box=None)
    for row in rows:
        age_s = row["oldest_unpublished_s"]
        age = ago(None if age_s is None else timedelta(seconds=age_s))
        state = Text(row["cursor"]) if row["cursor_state"] == "in order" else Text(row["cursor_state"], "bold red")
        table.add_row(row["service"], row["stream"], state, str(row["unpublished"]), age)
    return table


def _schemas_table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table("service", "inbox rows", "partitions of the outbox", box=None)
    for row in rows:
        table.add_row(row["service"], str(row["inbox_rows"]), ", ".join(row["partitions"]) or "none")
    return table
