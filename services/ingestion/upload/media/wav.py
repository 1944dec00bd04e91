"""WAV parser: RIFF chunks with a format and samples (Multimedia Programming Interface 1.0, RFC 2361)."""

import struct

from services.ingestion.upload.media.incremental_parser import UNTIL_EOF, FileEnded, Parser, Read, Skip, Steps, broken

CHUNKS_MAX = 64
CHANNELS_MAX = 16
RATES = range(1000, 768_001)
FORMAT_BYTES_MAX = 1024
ADPCM_BLOCK_MAX = 16 * 1024
_SIZE_UNKNOWN = 0x7FFF0000
"""Streaming recorders write 0, 0x7FFFxxxx or 0xFFFFFFFF as sizes; no accepted file is that large."""
_FORMAT = struct.Struct("<HHIIHH")
_PLAIN = frozenset({1, 3, 6, 7, 0xFFFE})
"""PCM, float, A-law, mu-law and extensible PCM: formats with a fixed number of bytes per sample."""
_ADPCM = {2: (7, 2), 0x11: (4, 1)}
"""Half a byte per sample after a header in each block: header bytes per channel, and samples in the header."""
_BITS = frozenset({8, 16, 24, 32, 64})
_BYTE_BITS = 8
_ADPCM_BITS, _ADPCM_BLOCK_MIN = 4, 8
"""Bits per sample, and bytes per channel that a block must pass: its header takes up to 7 of them."""


def parse_wav() -> Parser:
    """Parse to the end of the file; the duration is computed from the samples present."""
    riff = struct.unpack("<4sI4s", (yield Read(12)))[1]
    byte_rate, position = 0, 12
    for _ in range(CHUNKS_MAX):
        name, size = struct.unpack("<4sI", (yield Read(8)))
        position += 8
        if name == b"data":
            if not byte_rate:
                raise broken("its samples precede their format")
            samples, end = yield from _samples(size, position)
            if riff < _SIZE_UNKNOWN and riff + 8 > end + 1:
                raise broken("it is truncated")
            return samples / byte_rate
        _require_name(name)
        if name == b"fmt ":
            head = yield Read(min(size, FORMAT_BYTES_MAX))
            byte_rate = _byte_rate(head)
            yield Skip(size - len(head) + size % 2)
        else:
            yield Skip(size + size % 2)
        position += size + size % 2
    raise broken("it has no samples")


def _byte_rate(format_chunk: bytes) -> int:
    if len(format_chunk) < _FORMAT.size:
        raise broken("its format is truncated")
    tag, channels, sample_rate, byte_rate, block, bits = _FORMAT.unpack_from(format_chunk)
    if not 1 <= channels <= CHANNELS_MAX or sample_rate not in RATES or not block:
        raise broken("its format is not valid")
    if tag in _PLAIN and bits in _BITS and block == channels * bits // _BYTE_BITS and byte_rate == sample_rate * block:
        return int(byte_rate)
    if tag in _ADPCM and bits == _ADPCM_BITS and _ADPCM_BLOCK_MIN * channels < block <= ADPCM_BLOCK_MAX:
        # Computed from the block size, because encoders leave the byte rate empty.
        head, whole = _ADPCM[tag]
        return max(1, int(sample_rate * block / ((block - head * channels) * 2 / channels + whole)))
    raise broken("its format is not valid")


def _samples(declared: int, position: int) -> Steps[tuple[int, int]]:
    """Return the number of sample bytes present, and the end position of the file."""
    if not 0 < declared < _SIZE_UNKNOWN:
        return (yield from _read_to_end(position))
    try:
        yield Skip(declared)
    except FileEnded as end:
        raise broken("it is truncated") from end
    return declared, (yield from _after(declared % 2, position + declared))


def _read_to_end(position: int) -> Steps[tuple[int, int]]:
    try:
        yield Skip(UNTIL_EOF)
    except FileEnded as end:
        if not end.into:
            raise broken("it has no audio") from end
        return end.into, position + end.into
    raise broken("it has no end")


def _after(padding: int, position: int) -> Steps[int]:
    """Read the chunks after the samples, which must be complete; return the end position of the file."""
    try:
        if padding:
            yield Read(1)
            position += 1
        for _ in range(CHUNKS_MAX):
            name, size = struct.unpack("<4sI", (yield Read(8)))
            _require_name(name)
            yield from _whole(size)
            position += 8 + size
            if size % 2:
                yield Read(1)
                position += 1
    except FileEnded as end:
        if end.inside:
            raise broken("it has trailing data") from end
        return position
    raise broken("it has too many chunks")


def _whole(size: int) -> Steps[None]:
    try:
        yield Skip(size)
    except FileEnded as end:
        raise broken("it is truncated") from end


def _require_name(name: bytes) -> None:
    if not all(0x20 <= byte < 0x7F for byte in name):
        raise broken("it has a chunk with an invalid name")
