"""Where the relays are: the cursor of every stream, and whether it can belong to this database."""

from dataclasses import dataclass

from libs.common.messaging.archive import Position
from libs.ops.operator_tools import OperatorTools


@dataclass(frozen=True)
class Cursor:
    """A stream's cursor as it is in Redis. `state` is in order, missing, of another database, or in the future."""

    schema: str
    stream: str
    text: str
    state: str
    position: Position | None

    @property
    def topic(self) -> str:
        """The topic, which is what its stream is called."""
        return self.stream


async def cursors(tools: OperatorTools, topic: str | None = None) -> list[Cursor]:
    """Return the cursors of all streams anything was ever written to, or of one topic's."""
    sysid, next_xid = await tools.archive.cluster()
    found: list[Cursor] = []
    for stream, schema in sorted((await tools.archive.topics()).items()):
        if topic in (None, stream):
            text = await tools.streams.cursor(stream)
            found.append(Cursor(schema, stream, text, *_judged(text, sysid, next_xid)))
    return found


def _judged(text: str, sysid: str, next_xid: int) -> tuple[str, Position | None]:
    if not text:
        return "missing", None
    try:
        cluster, xid, seq = text.split(":")
        position = Position(int(xid), int(seq))
    except ValueError:
        return "unreadable", None
    if cluster != sysid:
        return "of another database", None
    # A database that was restored has forgotten transactions that were published: no row would ever pass such a cursor.
    return ("in the future", None) if position.xid >= next_xid else ("in order", position)
