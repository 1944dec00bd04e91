"""MP4 and M4A: boxes (ISO 14496-12). References to other files are never followed, only passed over."""

import struct

from services.ingestion.media.walking import TO_THE_END, FileEnded, Read, Skip, Steps, Walk, broken

BOXES_MAX = 500_000
BRANDS_BYTES_MAX = 4096
_BRANDS = (b"M4", b"iso", b"mp4", b"avc1", b"dash", b"3gp", b"mmp4", b"MSNV", b"F4")
_MVHD_BYTES = 40


def walk_mp4() -> Walk:
    """Walk the top boxes; the file must hold a `moov`, media, and end where its last box ends."""
    seen: set[bytes] = set()
    duration_s: float | None = None
    try:
        for _ in range(BOXES_MAX):
            kind, size = yield from _box()
            if not seen and kind != b"ftyp":
                raise broken("it does not start like an MP4 file")
            if kind == b"moov":
                duration_s = yield from _movie(size)
            elif kind == b"ftyp":
                yield from _file_type(size)
            elif size == TO_THE_END:
                return (yield from _last_box(seen | {kind}, duration_s))
            else:
                yield Skip(size)
            seen.add(kind)
    except FileEnded as end:
        if end.inside:
            raise broken("it is cut off") from end
        _require_sound(seen)
        return duration_s
    raise broken("it has too many boxes")


def _last_box(seen: set[bytes], duration_s: float | None) -> Walk:
    _require_sound(seen)
    try:
        yield Skip(TO_THE_END)
    except FileEnded:
        return duration_s
    raise broken("it never ends")


def _require_sound(seen: set[bytes]) -> None:
    if b"moov" not in seen or not seen & {b"mdat", b"moof"}:
        raise broken("it holds no sound")


def _box() -> Steps[tuple[bytes, int]]:
    header = yield Read(8)
    size, kind = struct.unpack(">I4s", header)
    taken = 8
    if size == 1:
        size = int.from_bytes((yield Read(8)), "big")
        taken = 16
    if size == 0:
        return kind, TO_THE_END
    if size < taken or not kind.isascii():
        raise broken("a box has an impossible size")
    return kind, size - taken


def _file_type(size: int) -> Steps[None]:
    brands = yield Read(min(size, BRANDS_BYTES_MAX))
    names = [brands[:4], *(brands[at : at + 4] for at in range(8, len(brands), 4))]
    if not any(name.startswith(_BRANDS) for name in names):
        raise broken("it is of a kind of MP4 that holds no recording")
    yield Skip(max(0, size - BRANDS_BYTES_MAX))


def _movie(size: int) -> Walk:
    kind, inner = yield from _box()
    duration_s: float | None = None
    taken = 8
    if kind == b"mvhd" and inner >= _MVHD_BYTES:
        duration_s = _mvhd_duration_s((yield Read(_MVHD_BYTES)))
        taken += _MVHD_BYTES
    if size < taken:
        raise broken("a box has an impossible size")
    yield Skip(size - taken)
    return duration_s


def _mvhd_duration_s(mvhd: bytes) -> float | None:
    scale, duration = struct.unpack(">IQ", mvhd[20:32]) if mvhd[0] == 1 else struct.unpack(">II", mvhd[12:20])
    unknown = duration in (0, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
    return None if unknown or not scale else duration / scale
