"""MP4 and M4A parser: boxes (ISO 14496-12). Refuses references to other files or hosts, and follows none."""

from services.ingestion.upload.media.incremental_parser import (
    UNTIL_EOF,
    Box,
    FileEnded,
    Parser,
    Read,
    Skip,
    Steps,
    broken,
    read_box,
)
from services.ingestion.upload.media.mp4_movie import Movie, read_fragment, read_movie

BOXES_MAX = 200_000
"""More than four hours in fragments of 0.2 seconds need."""
BRANDS_BYTES_MAX = 4096
_BRANDS = (b"M4", b"iso", b"mp4", b"avc1", b"dash", b"3gp", b"mmp4", b"MSNV", b"F4")
_PASSED_OVER = frozenset(
    {b"free", b"skip", b"wide", b"mfra", b"sidx", b"ssix", b"styp", b"prft", b"emsg", b"meta", b"uuid", b"pdin"}
    | {b"udta", b"mdat"}
)


def parse_mp4() -> Parser:
    """Parse all boxes. Requires a `moov` with an audio track, media data, and an end at a box boundary."""
    movie = Movie()
    seen: set[bytes] = set()
    try:
        for _ in range(BOXES_MAX):
            box = yield from read_box()
            # Media alone may go on to the end of the file; a header that does could hide anything.
            if box.size == UNTIL_EOF and box.kind != b"mdat":
                raise broken("a box has an impossible size")
            yield from _top_box(movie, box, seen)
            seen.add(box.kind)
    except FileEnded as end:
        if end.inside and not (box.kind == b"mdat" and box.size == UNTIL_EOF):
            raise broken("it is truncated") from end
        if b"mdat" not in seen | {box.kind} or not movie.has_sound:
            raise broken("it has no audio") from end
        return movie.seconds
    raise broken("it has too many boxes")


def _top_box(movie: Movie, box: Box, seen: set[bytes]) -> Steps[None]:
    if not seen and box.kind != b"ftyp":
        raise broken("it does not start like an MP4 file")
    if box.kind in (b"ftyp", b"moov") and box.kind in seen:
        # Decoders differ in which of two they believe.
        raise broken("it has two headers")
    if box.kind == b"ftyp":
        yield from _file_type(box.size)
    elif box.kind == b"moov":
        yield from _whole(read_movie(movie, box.size))
    elif box.kind == b"moof":
        # Decoders that stream need the tracks first; a fragment before them belongs to none.
        if b"moov" not in seen:
            raise broken("its audio precedes its tracks")
        yield from _whole(read_fragment(movie, box.size))
    elif box.kind in _PASSED_OVER:
        yield Skip(box.size)
    else:
        raise broken("it has a box in the wrong place")


def _whole(steps: Steps[None]) -> Steps[None]:
    try:
        yield from steps
    except FileEnded as end:
        raise broken("it is truncated") from end


def _file_type(size: int) -> Steps[None]:
    brands = yield Read(min(size, BRANDS_BYTES_MAX))
    names = [brands[:4], *(brands[at : at + 4] for at in range(8, len(brands), 4))]
    if not any(name.startswith(_BRANDS) for name in names):
        raise broken("its MP4 brand is not for recordings")
    yield Skip(max(0, size - BRANDS_BYTES_MAX))
