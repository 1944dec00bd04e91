"""MP3 parser: every MPEG audio frame, and the tags around them (ISO 11172-3, 13818-3, ID3v2, ID3v1, APEv2).

Reads every frame header, because an MP3 has no reliable length: the duration is counted from the frames, never taken
from a header.
"""

from dataclasses import dataclass

from services.ingestion.upload.media.incremental_parser import FileEnded, Parser, Read, Scan, Skip, Steps, broken

_BITRATES = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_VERSION_1 = 3
_LAYER_3 = 1
_RESERVED, _MONO = 3, 3
# Index 0 leaves the bitrate to the decoder, and with it the size of a frame; 15 is not allowed.
_NO_BITRATE = (0, 15)
_SAMPLES = 1152
_HEADER_BYTES = 4
_ID3_FOOTER, _ID3_FOOTER_BYTES = 0x10, 10
_ID3V1_BYTES, _APE_HEADER_BYTES = 128, 32
_PIECE_BYTES = 64
FRAMES_MIN = 3
FRAMES_AMISS = 2
"""Tolerance between the declared and the counted frames: encoders disagree on whether the first one counts."""
TAGS_BEFORE_MAX = 16
TAGS_MAX = 10_000
"""Tags between frames: a recording joined from parts has one per part."""
TRAILER_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True)
class _Frame:
    size: int
    samples: int
    rate: int
    bitrate: int
    mono: bool
    version: int

    def continues(self, first: "_Frame") -> bool:
        return (self.version, self.rate) == (first.version, first.rate)


def parse_mp3() -> Parser:
    """Skip tags and parse all frames; return the duration counted from them."""
    first = _frame((yield from _after_tags()))
    if first is None:
        raise broken("it has no MP3 frames")
    # Only a count in the header tells that the end is missing: a stream without one may stop anywhere.
    declared = _declared_frames(first, (yield Read(first.size - _HEADER_BYTES)))
    count, whole = yield from _frames(first)
    if declared and (count + FRAMES_AMISS < declared or not whole):
        raise broken("it is truncated")
    if count < FRAMES_MIN:
        raise broken("it has no audio")
    return (count if declared else count + 1) * first.samples / first.rate


def _frames(first: _Frame) -> Steps[tuple[int, bool]]:
    """Parse the frames after the first; return the number of complete ones, and whether all are complete."""
    run = _Run(first)
    try:
        for _ in range(TAGS_MAX):
            yield Scan(run.take)
            yield from _tag((yield Read(_HEADER_BYTES)))
    except FileEnded as end:
        # A frame that was cut off does not count; a tag that was cut off takes no frame with it.
        cut = end.inside and run.is_last
        return run.count - cut, not end.inside
    raise broken("it has too many tags")


class _Run:
    """Counts consecutive frames of one version and sample rate."""

    def __init__(self, first: _Frame) -> None:
        self._first = first
        self._sizes: dict[bytes, int] = {}
        self.count = 0
        self.is_last = True

    def take(self, data: bytes) -> tuple[int, bool]:
        at = 0
        self.is_last = True
        while at + _HEADER_BYTES <= len(data):
            header = data[at : at + _HEADER_BYTES]
            # Four hours have over half a million frames, and a few dozen different headers.
            size = self._sizes.get(header) or self._size(header)
            if not size:
                self.is_last = False
                return at, True
            self.count += 1
            at += size
        return at, False

    def _size(self, header: bytes) -> int:
        """Return the size of a matching frame, or 0. Few headers differ, so sizes are cached by header."""
        frame = _frame(header)
        if frame is None or not frame.continues(self._first):
            return 0
        self._sizes[header] = frame.size
        return frame.size


def _after_tags() -> Steps[bytes]:
    for _ in range(TAGS_BEFORE_MAX):
        header = yield Read(_HEADER_BYTES)
        if not header.startswith(b"ID3"):
            return header
        yield from _id3()
    raise broken("it has too many tags")


def _tag(header: bytes) -> Steps[None]:
    """Skip what may stand in place of a frame: ID3v2 of a joined file, ID3v1, APEv2, or zeros."""
    if header.startswith(b"ID3"):
        yield from _id3()
    elif header.startswith(b"TAG"):
        yield Skip(_ID3V1_BYTES - _HEADER_BYTES)
    elif header == b"APET":
        rest = yield Read(_APE_HEADER_BYTES - _HEADER_BYTES)
        size = int.from_bytes(rest[8:12], "little")
        if rest[:4] != b"AGEX" or size > TRAILER_BYTES_MAX:
            raise broken("its APE tag has an impossible size")
        yield Skip(size)
    elif header != bytes(_HEADER_BYTES):
        raise broken("it has data that is no frame")
    else:
        yield from _zeros()


def _zeros() -> Steps[None]:
    # Some recorders pad the end; zeros without an end would keep the parser busy for as long as they are sent.
    for _ in range(TRAILER_BYTES_MAX // _PIECE_BYTES):
        if any((yield Read(_PIECE_BYTES))):
            raise broken("it has data that is no frame")
    raise broken("it ends in zeros")


def _id3() -> Steps[None]:
    rest = yield Read(6)
    # Four times seven bits, "syncsafe": no byte of a tag's size can look like the sync of a frame (ID3v2).
    size = rest[2] << 21 | rest[3] << 14 | rest[4] << 7 | rest[5]
    if any(byte & 0x80 for byte in rest[2:6]):
        raise broken("its ID3 tag has an impossible size")
    yield Skip(size + (_ID3_FOOTER_BYTES if rest[1] & _ID3_FOOTER else 0))


def _frame(header: bytes) -> _Frame | None:
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    rate_index, bitrate_index = header[2] >> 2 & 3, header[2] >> 4
    # Eleven bits of ones are no proof: the other fields must make sense as well.
    synced = header[0] == 0xFF and header[1] & 0xE0 == 0xE0
    if (
        not synced
        or layer != _LAYER_3
        or version not in _RATES
        or rate_index == _RESERVED
        or bitrate_index in _NO_BITRATE
    ):
        return None
    bitrate = _BITRATES[3 if version == _VERSION_1 else 2][bitrate_index] * 1000
    rate = _RATES[version][rate_index]
    samples = _SAMPLES if version == _VERSION_1 else _SAMPLES // 2
    # The padding bit is a byte in layer III.
    size = samples // 8 * bitrate // rate + (header[2] >> 1 & 1)
    return _Frame(size, samples, rate, bitrate, header[3] >> 6 == _MONO, version)


def _declared_frames(frame: _Frame, audio: bytes) -> int:
    """Return the number of frames declared in a Xing, Info or VBRI header, or 0."""
    # The header stands behind the side information, whose size follows from version and channels.
    side = (17 if frame.mono else 32) if frame.version == _VERSION_1 else (9 if frame.mono else 17)
    if audio[side : side + 4] in (b"Xing", b"Info") and audio[side + 7] & 1:
        return int.from_bytes(audio[side + 8 : side + 12], "big")
    # Fraunhofer's header has a fixed place, 32 bytes behind that of the frame.
    if audio[32:36] == b"VBRI":
        return int.from_bytes(audio[46:50], "big")
    return 0
