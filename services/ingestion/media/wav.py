"""WAV: RIFF chunks with a format and samples (Multimedia Programming Interface 1.0, RFC 2361)."""

import struct

from services.ingestion.media.walking import TO_THE_END, FileEnded, Read, Skip, Steps, Walk, broken

CHUNKS_MAX = 64
CHANNELS_MAX = 16
FORMAT_BYTES_MAX = 1024
_SIZE_UNKNOWN = 0xFFFFFFF0
_FORMAT = struct.Struct("<HHIIHH")


def walk_wav() -> Walk:
    """Find the format and the samples; the duration is counted from the samples that really came."""
    yield Read(12)
    byte_rate = 0
    for _ in range(CHUNKS_MAX):
        name, size = struct.unpack("<4sI", (yield Read(8)))
        if name == b"data":
            if not byte_rate:
                raise broken("its samples come before their format")
            return (yield from _samples(size)) / byte_rate
        if name == b"fmt ":
            byte_rate = _byte_rate((yield Read(min(size, FORMAT_BYTES_MAX))))
            size -= min(size, FORMAT_BYTES_MAX)
        yield Skip(size + size % 2)
    raise broken("it has no samples")


def _byte_rate(format_chunk: bytes) -> int:
    if len(format_chunk) < _FORMAT.size:
        raise broken("its format is cut")
    _, channels, sample_rate, byte_rate, _, _ = _FORMAT.unpack_from(format_chunk)
    if not 1 <= channels <= CHANNELS_MAX or not sample_rate or not byte_rate:
        raise broken("its format makes no sense")
    return int(byte_rate)


def _samples(declared: int) -> Steps[int]:
    # Recorders that stream leave 0 or 0xFFFFFFFF as the size, so what arrives counts.
    size = declared if 0 < declared < _SIZE_UNKNOWN else TO_THE_END
    try:
        yield Skip(size)
    except FileEnded as end:
        return end.into
    return size
