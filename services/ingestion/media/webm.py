"""WebM: EBML elements (RFC 8794, RFC 9559) of document type `webm`."""

import struct

from services.ingestion.media.walking import (
    READ_BYTES_MAX,
    TO_THE_END,
    FileEnded,
    Read,
    Skip,
    Steps,
    Walk,
    broken,
)

ELEMENTS_MAX = 1000
_EBML, _DOC_TYPE = 0x1A45DFA3, 0x4282
_SEGMENT, _CLUSTER, _INFO, _TRACKS = 0x18538067, 0x1F43B675, 0x1549A966, 0x1654AE6B
_TIMESTAMP_SCALE, _DURATION = 0x2AD7B1, 0x4489
_DEFAULT_SCALE_NS = 1_000_000


def walk_webm() -> Walk:
    """Read the header and the segment's information; there must be tracks and a first cluster of media."""
    kind, size = yield from _element()
    if kind != _EBML or dict(_children((yield Read(size)))).get(_DOC_TYPE, b"").rstrip(b"\0") != b"webm":
        raise broken("it is not a WebM file")
    kind, _ = yield from _element()
    if kind != _SEGMENT:
        raise broken("it has no segment")
    duration_s: float | None = None
    tracks = False
    for _ in range(ELEMENTS_MAX):
        kind, size = yield from _element()
        if kind == _INFO:
            duration_s = _duration_s(dict(_children((yield Read(size)))))
            continue
        tracks = tracks or kind == _TRACKS
        if kind == _CLUSTER:
            return (yield from _media(tracks, duration_s))
        yield Skip(size)
    raise broken("it holds no sound")


def _media(tracks: bool, duration_s: float | None) -> Walk:
    if not tracks:
        raise broken("its sound comes before its tracks")
    try:
        yield Skip(TO_THE_END)
    except FileEnded:
        return duration_s
    raise broken("it never ends")


def _element() -> Steps[tuple[int, int]]:
    first = (yield Read(1))[0]
    length = 9 - first.bit_length()
    if not 1 <= length <= 4:
        raise broken("an element has no id")
    kind = int.from_bytes(bytes([first]) + ((yield Read(length - 1)) if length > 1 else b""), "big")
    first = (yield Read(1))[0]
    length = 9 - first.bit_length()
    if length > 8:
        raise broken("an element has no size")
    rest = (yield Read(length - 1)) if length > 1 else b""
    size = int.from_bytes(bytes([first & (0xFF >> length)]) + rest, "big")
    unknown = size == (1 << 7 * length) - 1
    return kind, TO_THE_END if unknown else size


def _children(data: bytes) -> list[tuple[int, bytes]]:
    """Return the elements inside one that was read whole; what is cut is left out."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data) and len(found) < ELEMENTS_MAX:
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


def _duration_s(info: dict[int, bytes]) -> float | None:
    raw = info.get(_DURATION, b"")
    if len(raw) not in (4, 8):
        return None
    ticks = struct.unpack(">f" if len(raw) == 4 else ">d", raw)[0]
    scale_ns = int.from_bytes(info[_TIMESTAMP_SCALE], "big") if _TIMESTAMP_SCALE in info else _DEFAULT_SCALE_NS
    seconds = float(ticks) * scale_ns / 1e9
    return seconds if 0 < seconds < float("inf") else None
