"""`therapyrag transcript`: the words of a session, turn by turn."""

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from libs.ops.api.sessions import clock
from libs.ops.console import Shown
from libs.ops.rest.client import Gateway
from libs.ops.rest.wire import Transcript


async def transcript(
    gateway: Gateway,
    session_id: Annotated[str, typer.Argument(help="The session's id.")],
) -> Shown:
    """Print what was said in a session."""
    words = await gateway.transcript(session_id)
    return Shown(words, _table(words))


def _table(words: Transcript) -> Table:
    table = Table(box=None, show_header=False)
    for segment in words.segments:
        table.add_row(clock(segment.start_time), segment.speaker.capitalize(), Text(segment.text))
    return table
