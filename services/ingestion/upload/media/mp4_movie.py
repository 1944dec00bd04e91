"""Parses an MP4's `moov` and `moof`: finds audio tracks, computes the duration, refuses external references.

The duration is the longest of those stated in headers and those computed from the sample tables.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from services.ingestion.upload.media.incremental_parser import (
    READ_BYTES_MAX,
    UNTIL_EOF,
    Box,
    Read,
    Skip,
    Steps,
    broken,
    read_box,
)

CHILDREN_MAX = 10_000
SMALL_BYTES_MAX = 16 * 1024
DATA_REFERENCES_MAX = 64
_REFERENCE_BYTES_MIN = 12
_ENTRY_BYTES = 8
_IN_THIS_FILE = 1
_IN_MINF = frozenset(
    {
        b"smhd",
        b"vmhd",
        b"hmhd",
        b"nmhd",
        b"sthd",
        b"gmhd",
        b"hdlr",
        b"dinf",
        b"stbl",
        b"free",
        b"skip",
        b"udta",
        b"meta",
    }
)
_NEEDED = frozenset({b"dref", b"stsd", b"stts", b"stsc", b"stco"})
_UNKNOWN = (0, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
# Version 1 of a header has times of 8 bytes: where the time scale and the duration stand in it, and in version 0.
_LONG = 1
_LONG_TIMES, _SHORT_TIMES = (">IQ", 20, 32), (">II", 12, 20)
_MVHD_BYTES, _MDHD_BYTES, _TKHD_BYTES = 20, 20, 16

Handler = Callable[[int], Steps[None]]


@dataclass
class Track:
    """The state of one track. `ticks` is the sum of its samples' durations in units of 1 / `scale` seconds."""

    id: int = 0
    scale: int = 0
    ticks: int = 0
    samples: int = 0
    sizes: int | None = None
    is_sound: bool = False
    tables: set[bytes] = field(default_factory=set)


@dataclass
class Movie:
    """The state of a file: its tracks and its stated duration in seconds."""

    stated_s: float = 0.0
    tracks: dict[int, Track] = field(default_factory=dict)
    sample_ticks: dict[int, int] = field(default_factory=dict)
    fragments: int = 0

    @property
    def has_sound(self) -> bool:
        """Return True if an audio track has samples."""
        return any(track.is_sound and (track.samples or self.fragments) for track in self.tracks.values())

    @property
    def seconds(self) -> float | None:
        """Return the longest stated or computed duration, None if all are zero."""
        counted = [track.ticks / track.scale for track in self.tracks.values() if track.scale]
        # The longest: a header that understates must not let four hours pass for one.
        return max([self.stated_s, *counted]) or None


def read_movie(movie: Movie, size: int) -> Steps[None]:
    """Parse a `moov`."""

    def header(inner: int) -> Steps[None]:
        movie.stated_s = max(movie.stated_s, _stated_s((yield from _small(inner, _MVHD_BYTES)))[1])

    def track(inner: int) -> Steps[None]:
        found = Track()
        yield from _track(movie, found, inner)
        # Two tracks of one id, and decoders would each play another one.
        if not found.id or found.id in movie.tracks or not found.scale or not found.tables >= _NEEDED:
            raise broken("a track is incomplete")
        movie.tracks[found.id] = found

    def extends(inner: int) -> Steps[None]:
        data = yield from _small(inner, 24)
        movie.sample_ticks[_u32(data, 4)] = _u32(data, 12)

    def elsewhere(_: int) -> Steps[None]:
        yield Skip(0)
        raise broken("it refers to another file")

    mvex: Handler = lambda inner: _container(inner, {b"trex": extends})  # noqa: E731
    # `rmra` and `cmov`: media elsewhere, and a movie that is compressed; nothing of either could be checked.
    handlers = {b"mvhd": header, b"trak": track, b"mvex": mvex, b"rmra": elsewhere, b"cmov": elsewhere}
    yield from _container(size, handlers)


def read_fragment(movie: Movie, size: int) -> Steps[None]:
    """Parse a `moof`."""
    movie.fragments += 1
    yield from _container(size, {b"traf": lambda inner: _track_fragment(movie, inner)})


def _track(movie: Movie, track: Track, size: int) -> Steps[None]:
    def header(inner: int) -> Steps[None]:
        data = yield from _small(inner, _TKHD_BYTES)
        track.id = _u32(data, 20 if data[0] == 1 else 12)

    def media_header(inner: int) -> Steps[None]:
        track.scale, seconds = _stated_s((yield from _small(inner, _MDHD_BYTES)))
        movie.stated_s = max(movie.stated_s, seconds)

    def handler(inner: int) -> Steps[None]:
        track.is_sound = (yield from _small(inner, 12))[8:12] == b"soun"

    def references(inner: int) -> Steps[None]:
        _require_in_this_file((yield from _small(inner, 8)))
        track.tables.add(b"dref")

    def sizes(inner: int) -> Steps[None]:
        track.sizes = _u32((yield Read(12)), 8)
        yield Skip(inner - 12)

    samples: dict[bytes, Handler] = {b"stts": lambda inner: _times(track, inner), b"stsz": sizes}
    samples |= {kind: _noted(track, kind) for kind in (b"stsd", b"stsc", b"stco")}
    # Offsets of 8 bytes where a file passes 4 GiB: either table will do.
    samples[b"co64"] = samples[b"stco"]
    minf = {
        b"dinf": lambda inner: _container(inner, {b"dref": references}),
        b"stbl": lambda inner: _container(inner, samples),
    }
    mdia = {b"mdhd": media_header, b"hdlr": handler, b"minf": lambda inner: _container(inner, minf, _IN_MINF)}
    yield from _container(size, {b"tkhd": header, b"mdia": lambda inner: _container(inner, mdia)})
    # Two tables count the same samples: where they differ, decoders would differ too.
    if track.sizes is not None and track.sizes != track.samples:
        raise broken("its sample tables disagree")


def _noted(track: Track, kind: bytes) -> Handler:
    def pass_over(inner: int) -> Steps[None]:
        track.tables.add(kind)
        yield Skip(inner)

    return pass_over


def _times(track: Track, size: int) -> Steps[None]:
    track.tables.add(b"stts")
    # Read as it comes and only summed up: the table of a long recording is larger than the buffer.
    count = _u32((yield Read(8)), 4)
    if size != 8 + count * _ENTRY_BYTES:
        raise broken("a table has an impossible size")
    left = count * _ENTRY_BYTES
    while left:
        data = yield Read(min(left, READ_BYTES_MAX))
        left -= len(data)
        for samples, ticks in struct.iter_unpack(">II", data):
            track.samples += samples
            track.ticks += samples * ticks


def _track_fragment(movie: Movie, size: int) -> Steps[None]:
    track = Track()
    each = 0

    def header(inner: int) -> Steps[None]:
        nonlocal track, each
        data = yield from _small(inner, 8)
        flags, number = _u32(data, 0), _u32(data, 4)
        if number not in movie.tracks:
            raise broken("a fragment belongs to no track")
        track = movie.tracks[number]
        at = 8 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
        each = _u32(data, at) if flags & 8 and len(data) >= at + 4 else movie.sample_ticks.get(number, 0)

    def starts(inner: int) -> Steps[None]:
        data = yield from _small(inner, 8)
        # Where the fragment starts on the track: those before it may have been left out by the recorder.
        track.ticks = max(track.ticks, int.from_bytes(data[4:12] if data[0] == 1 else data[4:8], "big"))

    def run(inner: int) -> Steps[None]:
        track.ticks += yield from _trun_ticks(inner, each)

    yield from _container(size, {b"tfhd": header, b"tfdt": starts, b"trun": run})


def _trun_ticks(size: int, each: int) -> Steps[int]:
    head = yield Read(8)
    flags, count = _u32(head, 0), _u32(head, 4)
    fixed = 4 * bool(flags & 1) + 4 * bool(flags & 4)
    entry = 4 * sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800))
    if size != 8 + fixed + count * entry:
        raise broken("a table has an impossible size")
    yield Skip(fixed)
    if not flags & 0x100:
        yield Skip(count * entry)
        return count * each
    ticks, left = 0, count
    while left:
        data = yield Read(min(left, READ_BYTES_MAX // entry) * entry)
        left -= len(data) // entry
        ticks += sum(_u32(data, at) for at in range(0, len(data), entry))
    return ticks


def _require_in_this_file(dref: bytes) -> None:
    # Media that lie in another file could be anything by the time a decoder opens them.
    at, count = 8, _u32(dref, 4)
    if not 1 <= count <= DATA_REFERENCES_MAX:
        raise broken("it refers to another file")
    for _ in range(count):
        if (
            len(dref) < at + _REFERENCE_BYTES_MIN
            or not dref[at + 11] & _IN_THIS_FILE
            or _u32(dref, at) < _REFERENCE_BYTES_MIN
        ):
            raise broken("it refers to another file")
        at += _u32(dref, at)
    if at != len(dref):
        raise broken("it refers to another file")


def _container(size: int, handlers: Mapping[bytes, Handler], known: frozenset[bytes] | None = None) -> Steps[None]:
    left = size
    for _ in range(CHILDREN_MAX):
        if not left:
            return
        box: Box = yield from read_box()
        if box.size == UNTIL_EOF or box.head + box.size > left:
            raise broken("a box is larger than its parent")
        if known is not None and box.kind not in known:
            raise broken("it has a box in the wrong place")
        left -= box.head + box.size
        handler = handlers.get(box.kind)
        if handler:
            yield from handler(box.size)
        else:
            yield Skip(box.size)
    raise broken("it has too many boxes")


def _small(size: int, least: int) -> Steps[bytes]:
    if not least <= size <= SMALL_BYTES_MAX:
        raise broken("a box has an impossible size")
    return (yield Read(size))


def _stated_s(header: bytes) -> tuple[int, float]:
    """Return the time scale and the duration in seconds of an `mvhd` or `mdhd`; the duration is 0 if unknown."""
    if header[0] == _LONG and len(header) < _LONG_TIMES[2]:
        raise broken("a box has an impossible size")
    form, start, end = _LONG_TIMES if header[0] == _LONG else _SHORT_TIMES
    scale, duration = struct.unpack(form, header[start:end])
    return scale, duration / scale if scale and duration not in _UNKNOWN else 0.0


def _u32(data: bytes, at: int) -> int:
    if len(data) < at + 4:
        raise broken("a box has an impossible size")
    return int.from_bytes(data[at : at + 4], "big")
