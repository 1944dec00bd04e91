"""WebM: EBML elements (RFC 8794, RFC 9559) of document type `webm`, followed from the first to the last block.

Recorders in browsers leave sizes and the duration unknown, so the duration is also what the blocks' times say.
"""

import struct
from dataclasses import dataclass

from services.ingestion.upload.media.walking import (
    READ_BYTES_MAX,
    TO_THE_END,
    FileEnded,
    Read,
    Scan,
    Skip,
    Steps,
    Walk,
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
_NEEDED = {_SIMPLE_BLOCK: _BLOCK_HEAD_BYTES, _TIMESTAMP: 8}
"""How many bytes inside an element are looked at."""


@dataclass(frozen=True)
class _Element:
    kind: int
    size: int
    head: int
    """How many bytes its id and size take."""


class _Segment:
    """What is known of a segment so far."""

    def __init__(self) -> None:
        self.duration_s = 0.0
        self.scale_ns = _DEFAULT_SCALE_NS
        self.has_sound = False
        self.blocks = 0
        self.cluster = 0
        self.latest = 0

    def look_at(self, element: _Element, head: bytes) -> None:
        """Take note of an element of a cluster and how it begins."""
        if element.kind == _SIMPLE_BLOCK:
            if element.size <= _BLOCK_HEAD_BYTES:
                raise broken("a block holds nothing")
            self.blocks += 1
            # Track numbers above 126 take more bytes; nobody has so many.
            self.latest = max(self.latest, self.cluster + int.from_bytes(head[1:3], "big", signed=True))
        elif element.kind == _TIMESTAMP and element.size <= 8:
            self.cluster = int.from_bytes(head[: element.size], "big")
            self.latest = max(self.latest, self.cluster)
        elif element.kind in _IN_CLUSTER and element.size != TO_THE_END:
            self.blocks += element.kind == _BLOCK_GROUP
        else:
            raise broken("it holds an element that does not belong there")

    @property
    def seconds(self) -> float | None:
        return max(self.duration_s, self.latest * self.scale_ns / 1e9) or None


def walk_webm() -> Walk:
    """Read the header, then every element of the segment; there must be a track of sound, and blocks."""
    first = yield from _element()
    if first.kind != _EBML or dict(_children((yield Read(first.size)))).get(_DOC_TYPE, b"").rstrip(b"\0") != b"webm":
        raise broken("it is not a WebM file")
    segment = yield from _element()
    if segment.kind != _SEGMENT:
        raise broken("it has no segment")
    found = _Segment()
    yield from _walk_segment(found, segment.size)
    if not found.has_sound or not found.blocks:
        raise broken("it holds no sound")
    return found.seconds


def _walk_segment(found: _Segment, size: int) -> Steps[None]:
    left = size
    try:
        for _ in range(ELEMENTS_MAX):
            if not left:
                yield Read(1)
                raise broken("something that is no part of it follows it")
            element = yield from _element()
            left = _minus(left, element.head)
            if element.kind == _CLUSTER and element.size == TO_THE_END:
                taken = yield from _open_cluster(found)
            else:
                taken = element.size
                yield from _whole(_top_element(found, element))
            left = _minus(left, taken)
    except FileEnded as end:
        if end.inside or (left and size != TO_THE_END):
            raise broken("it is cut off") from end
        return
    raise broken("it has too many elements")


def _whole(steps: Steps[None]) -> Steps[None]:
    """Take these steps; a file that ends among them is cut off, also between two of them."""
    try:
        yield from steps
    except FileEnded as end:
        raise broken("it is cut off") from end


def _minus(left: int, taken: int) -> int:
    if left == TO_THE_END:
        return left
    if taken > left:
        raise broken("an element is larger than the one around it")
    return left - taken


def _top_element(found: _Segment, element: _Element) -> Steps[None]:
    if element.size == TO_THE_END:
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
        raise broken("it holds an element that does not belong there")


def _cluster(found: _Segment, size: int) -> Steps[None]:
    yield Scan(_Blocks(found, size).take)


def _open_cluster(found: _Segment) -> Steps[int]:
    """Read a cluster without a size up to the next element above it; return its bytes."""
    blocks = _Blocks(found, TO_THE_END)
    yield Scan(blocks.take)
    return blocks.taken


class _Blocks:
    """Follows the elements of a cluster in bulk: there are fifty a second."""

    def __init__(self, found: _Segment, size: int) -> None:
        if not found.has_sound:
            raise broken("its sound comes before its tracks")
        self._found = found
        self._left = size
        self.taken = 0

    def take(self, data: bytes) -> tuple[int, bool]:
        at = 0
        while self._left:
            element = _parsed(data, at)
            if element is None:
                return at, False
            if self._left == TO_THE_END and element.kind in _TOP:
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
    """Return the element that begins there, or None while too little of it has come."""
    if at >= len(data):
        return None
    id_length = 9 - data[at].bit_length()
    if id_length > 4:
        raise broken("an element has no id")
    size_at = at + id_length
    if size_at >= len(data):
        return None
    length = 9 - data[size_at].bit_length()
    if length > 8:
        raise broken("an element has no size")
    if size_at + length > len(data):
        return None
    size = int.from_bytes(data[size_at : size_at + length], "big") & ((1 << 7 * length) - 1)
    unknown = size == (1 << 7 * length) - 1
    kind = int.from_bytes(data[at:size_at], "big")
    return _Element(kind, TO_THE_END if unknown else size, id_length + length)


def _element() -> Steps[_Element]:
    first = (yield Read(1))[0]
    id_length = 9 - first.bit_length()
    if not 1 <= id_length <= 4:
        raise broken("an element has no id")
    rest = yield from _whole_read(id_length)
    kind = int.from_bytes(bytes([first]) + rest[:-1], "big")
    first = rest[-1]
    length = 9 - first.bit_length()
    if length > 8:
        raise broken("an element has no size")
    more = (yield from _whole_read(length - 1)) if length > 1 else b""
    size = int.from_bytes(bytes([first & (0xFF >> length)]) + more, "big")
    unknown = size == (1 << 7 * length) - 1
    return _Element(kind, TO_THE_END if unknown else size, id_length + length)


def _whole_read(size: int) -> Steps[bytes]:
    try:
        return (yield Read(size))
    except FileEnded as end:
        raise broken("it is cut off") from end


def _children(data: bytes) -> list[tuple[int, bytes]]:
    """Return the elements inside one that was read whole; what is cut is left out."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data) and len(found) < CHILDREN_MAX:
        id_length = 9 - data[at].bit_length()
        size_at = at + id_length
        if id_length > 4 or size_at >= len(data):
            break
        size_length = 9 - data[size_at].bit_length()
        if size_length > 8:
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
        raise broken("its times make no sense")
    if len(raw) in (4, 8):
        seconds = float(struct.unpack(">f" if len(raw) == 4 else ">d", raw)[0]) * found.scale_ns / 1e9
        found.duration_s = seconds if 0 < seconds < float("inf") else 0.0
