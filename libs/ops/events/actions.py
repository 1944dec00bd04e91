"""`therapyrag actions`: what operators did, tried to do, or were refused, as the database keeps it."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from libs.common.clock import to_json_time
from libs.ops.console import Shown
from libs.ops.operator_tools import OperatorTools

LISTED_MAX = 10_000
LISTED = 50
"""By default: what fits on a screen or two."""

LastOption = Annotated[int, typer.Option("--last", "-n", min=1, max=LISTED_MAX, help="How many entries.")]


async def list_actions(tools: OperatorTools, last: LastOption = LISTED) -> Shown:
    """List the record, oldest first; an action that was begun and has no end was killed."""
    rows = [_row(entry) for entry in await tools.store.actions(last)]
    return Shown(rows, _table(rows))


def _row(entry: Mapping[str, Any]) -> dict[str, Any]:
    return dict(entry) | {"action_id": str(entry["action_id"]), "at": to_json_time(entry["at"])}


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table("at", "state", "who", "what", "arguments", "counts", box=None)
    for row in rows:
        written = (json.dumps(row[name]) for name in ("arguments", "counts"))
        table.add_row(row["at"], row["state"], row["who"], row["what"], *written)
    return table
