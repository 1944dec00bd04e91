"""WebM parser: EBML elements (RFC 8794, RFC 9559) of document type `webm`, up to the last block.

Browser recorders leave sizes and the duration unknown, so the duration is also computed from the blocks' timestamps.
"""

import struct
from dataclasses import dataclass

from services.ingestion.upload.media.incremental_parser import (
    READ_BYTES_MAX,
    UNTIL_EOF,
    FileEnded,
    Parser,
    Read,
    Scan,
    Skip,
    Steps,
    broken,
)

ELEMENTS_MAX = 20_000_000
CHILDREN_MAX = 1000
_EBML, _DOC_TYPE = 0x1A45DFA3, 0x4282
_SEGMENT, _CLUSTER, _INFO, _TRACKS = 0x18538067, 0x1F43B675, 0x1549A966, 0x1654AE6B
_SEEK_HEAD, _CUES, _TAGS, _CHAPTERS, _VOID, _CRC = 0x114D9B74, 0x1C53BB6B, 0x1254C367, 0x1043A770, 0xEC, 0xBF
_PASSED_OVER = frozenset({_SEEK_HEAD, _CUES, _TAGS, _CHAPTERS, _VOID, _CRC})
_TIMESTAMP, _SIMPLE_BLOCK, _BLOCK_GROUP = 0xE7, 0xA3, 0xA0
_IN_CLUSTER = frozenset({_BLOCK_GROUP, 0xA7, 0xAB, 0x5854, _VOID, _CRC})
_TOP = _PASSED_OVER - {_VOID, _CRC} | {_CLUSTER, _INFO, _TRACKS}
_TRACK_ENTRY, _TRACK_TYPE, _AUDIO = 0xAE, 0x83, b"\x02"
_TIMESTAMP_SCALE, _DURATION = 0x2AD7B1, 0x4489
_DEFAULT_SCALE_NS = 1_000_000
_BLOCK_HEAD_BYTES = 4
_ID_BYTES_MAX, _SIZE_BYTES_MAX = 4, 8
"""Of an element's header (RFC 8794, sections 5 and 6)."""
_SECOND_NS = 1_000_000_000
_NEEDED = {_SIMPLE_BLOCK: _BLOCK_HEAD_BYTES, _TIMESTAMP: 8}
"""The number of payload bytes read per element."""


@dataclass(frozen=True)
class _Element:
    kind: int
    size: int
    head: int
    """Header size in bytes: id and size."""


class _Segment:
    """The state of a segment."""

    def __init__(self) -> None:
        self.duration_s = 0.0
        self.scale_ns = _DEFAULT_SCALE_NS
        self.has_sound = False
        self.blocks = 0
        self.cluster = 0
        self.latest = 0

    def look_at(self, element: _Element, head: bytes) -> None:
        """Count a cluster's element and read its timestamp. `head` is the start of its payload."""
        if element.kind == _SIMPLE_BLOCK:
            if element.size <= _BLOCK_HEAD_BYTES:
                raise broken("a block is empty")
            self.blocks += 1
            # Track numbers above 126 would take more bytes; real files have far fewer tracks.
            # The latest of all: blocks of several tracks do not come in order of time.
            self.latest = max(self.latest, self.cluster + int.from_bytes(head[1:3], "big", signed=True))
        elif element.kind == _TIMESTAMP and element.size <= _NEEDED[_TIMESTAMP]:
            self.cluster = int.from_bytes(head[: element.size], "big")
            self.latest = max(self.latest, self.cluster)
        elif element.kind in _IN_CLUSTER and element.size != UNTIL_EOF:
            self.blocks += element.kind == _BLOCK_GROUP
        else:
            raise broken("it has an element in the wrong place")

    @property
    def seconds(self) -> float | None:
        # The longer one: a recorder that was stopped leaves a duration from before, or none.
        return max(self.duration_s, self.latest * self.scale_ns / _SECOND_NS) or None


def parse_webm() -> Parser:
    """Parse the header and every element of the segment. Requires an audio track and blocks."""
    first = yield from _element()
    if first.kind != _EBML or dict(_children((yield Read(first.size)))).get(_DOC_TYPE, b"").rstrip(b"\0") != b"webm":
        raise broken("it is not a WebM file")
    segment = yield from _element()
    if segment.kind != _SEGMENT:
        raise broken("it has no segment")
    found = _Segment()
    yield from _parse_segment(found, segment.size)
    if not found.has_sound or not found.blocks:
        raise broken("it has no audio")
    return found.seconds


def _parse_segment(found: _Segment, size: int) -> Steps[None]:
    left = size
    try:
        for _ in range(ELEMENTS_MAX):
            if not left:
                yield Read(1)
                raise broken("it has trailing data")
            element = yield from _element()
            left = _minus(left, element.head)
            if element.kind == _CLUSTER and element.size == UNTIL_EOF:
                taken = yield from _open_cluster(found)
            else:
                taken = element.size
                yield from _whole(_top_element(found, element))
            left = _minus(left, taken)
    except FileEnded as end:
        if end.inside or (left and size != UNTIL_EOF):
            raise broken("it is truncated") from end
        return
    raise broken("it has too many elements")


def _whole(steps: Steps[None]) -> Steps[None]:
    """Run these steps; a file that ends within them is truncated, even between two of them."""
    try:
        yield from steps
    except FileEnded as end:
        raise broken("it is truncated") from end


def _minus(left: int, taken: int) -> int:
    if left == UNTIL_EOF:
        return left
    if taken > left:
        raise broken("an element is larger than its parent")
    return left - taken


def _top_element(found: _Segment, element: _Element) -> Steps[None]:
    if element.size == UNTIL_EOF:
        raise broken("an element has no size")
    if element.kind == _INFO:
        _read_info(found, (yield Read(element.size)))
    elif element.kind == _TRACKS:
        found.has_sound = found.has_sound or _has_sound((yield Read(element.size)))
    elif element.kind == _CLUSTER:
        yield from _cluster(found, element.size)
    elif element.kind in _PASSED_OVER:
        yield Skip(element.size)
    else:
        raise broken("it has an element in the wrong place")


def _cluster(found: _Segment, size: int) -> Steps[None]:
    yield Scan(_Blocks(found, size).take)


def _open_cluster(found: _Segment) -> Steps[int]:
    """Parse a cluster of unknown size up to the next top-level element; return its size in bytes."""
    blocks = _Blocks(found, UNTIL_EOF)
    yield Scan(blocks.take)
    return blocks.taken


class _Blocks:
    """Scans the elements of a cluster in bulk, because there are 50 per second of audio."""

    def __init__(self, found: _Segment, size: int) -> None:
        if not found.has_sound:
            # A player could not decode it, and we could not tell whether it is sound.
            raise broken("its audio precedes its tracks")
        self._found = found
        self._left = size
        self.taken = 0

    def take(self, data: bytes) -> tuple[int, bool]:
        at = 0
        while self._left:
            element = _parsed(data, at)
            if element is None:
                return at, False
            if self._left == UNTIL_EOF and element.kind in _TOP:
                return at, True
            inside = at + element.head
            if len(data) < inside + min(element.size, _NEEDED.get(element.kind, 0)):
                return at, False
            self._found.look_at(element, data[inside : inside + _NEEDED.get(element.kind, 0)])
            self._left = _minus(_minus(self._left, element.head), element.size)
            self.taken += element.head + element.size
            at = inside + element.size
        return at, True


def _parsed(data: bytes, at: int) -> _Element | None:
    """Return the element at a position, None if its header is not complete yet."""
    if at >= len(data):
        return None
    id_length = 9 - data[at].bit_length()
    if id_length > _ID_BYTES_MAX:
        raise broken("an element has no id")
    size_at = at + id_length
    if size_at >= len(data):
        return None
    length = 9 - data[size_at].bit_length()
    if length > _SIZE_BYTES_MAX:
        raise broken("an element has no size")
    if size_at + length > len(data):
        return None
    size = int.from_bytes(data[size_at : size_at + length], "big") & ((1 << 7 * length) - 1)
    unknown = size == (1 << 7 * length) - 1
    kind = int.from_bytes(data[at:size_at], "big")
    return _Element(kind, UNTIL_EOF if unknown else size, id_length + length)


def _element() -> Steps[_Element]:
    first = (yield Read(1))[0]
    id_length = 9 - first.bit_length()
    if not 1 <= id_length <= _ID_BYTES_MAX:
        raise broken("an element has no id")
    rest = yield from _whole_read(id_length)
    kind = int.from_bytes(bytes([first]) + rest[:-1], "big")
    first = rest[-1]
    length = 9 - first.bit_length()
    if length > _SIZE_BYTES_MAX:
        raise broken("an element has no size")
    more = (yield from _whole_read(length - 1)) if length > 1 else b""
    size = int.from_bytes(bytes([first & (0xFF >> length)]) + more, "big")
    unknown = size == (1 << 7 * length) - 1
    return _Element(kind, UNTIL_EOF if unknown else size, id_length + length)


def _whole_read(size: int) -> Steps[bytes]:
    try:
        return (yield Read(size))
    except FileEnded as end:
        raise broken("it is truncated") from end


def _children(data: bytes) -> list[tuple[int, bytes]]:
    """Return the child elements of a buffered element; a truncated one is left out."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data) and len(found) < CHILDREN_MAX:
        id_length = 9 - data[at].bit_length()
        size_at = at + id_length
        if id_length > _ID_BYTES_MAX or size_at >= len(data):
            break
        size_length = 9 - data[size_at].bit_length()
        if size_length > _SIZE_BYTES_MAX:
            break
        start = size_at + size_length
        size = int.from_bytes(data[size_at:start], "big") & ((1 << 7 * size_length) - 1)
        found.append((int.from_bytes(data[at:size_at], "big"), data[start : start + min(size, READ_BYTES_MAX)]))
        at = start + size
    return found


def _has_sound(tracks: bytes) -> bool:
    entries = [dict(_children(entry)) for kind, entry in _children(tracks) if kind == _TRACK_ENTRY]
    return any(entry.get(_TRACK_TYPE) == _AUDIO for entry in entries)


def _read_info(found: _Segment, data: bytes) -> None:
    info = dict(_children(data))
    found.scale_ns = int.from_bytes(info[_TIMESTAMP_SCALE], "big") if _TIMESTAMP_SCALE in info else _DEFAULT_SCALE_NS
    raw = info.get(_DURATION, b"")
    if not found.scale_ns:
        raise broken("its timestamps are not valid")
    # A float of either size; any other is a duration that nobody could have written.
    if len(raw) in (4, 8):
        seconds = float(struct.unpack(">f" if len(raw) == 4 else ">d", raw)[0]) * found.scale_ns / _SECOND_NS
        found.duration_s = seconds if 0 < seconds < float("inf") else 0.0
