"""Where the relays are: the cursor of every stream, and whether it can belong to this database."""

from dataclasses import dataclass

from libs.common.archive_desk import Position
from libs.ops.desk import Desk


@dataclass(frozen=True)
class Cursor:
    """A stream's cursor as it is in Redis. `state` is in order, missing, of another database, or in the future."""

    schema: str
    topic: str
    stream: str
    text: str
    state: str
    position: Position | None


async def cursors(desk: Desk, topic: str | None = None) -> list[Cursor]:
    """Return the cursors of all topics anything was ever written to, or of one."""
    sysid, next_xid = await desk.archive.cluster()
    keys = await desk.streams.keys()
    found: list[Cursor] = []
    for name, schema in sorted((await desk.archive.topics()).items()):
        if topic in (None, name):
            for stream in keys.of_topic(name):
                text = await desk.streams.cursor(stream)
                state, position = _judged(text, sysid, next_xid)
                found.append(Cursor(schema, name, stream, text, state, position))
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
    return ("in the future", None) if position.xid >= next_xid else ("in order", position)
