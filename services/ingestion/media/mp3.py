"""MP3: MPEG audio frames, with an optional ID3v2 tag before them (ISO 11172-3, 13818-3)."""

from dataclasses import dataclass

from services.ingestion.media.walking import TO_THE_END, FileEnded, Read, Skip, Steps, Walk, broken

_BITRATES = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_VERSION_1 = 3
_LAYER_3 = 1
_ID3_FOOTER = 0x10
FRAMES_CHECKED = 3
TAGS_MAX = 4


@dataclass(frozen=True)
class _Frame:
    size: int
    samples: int
    rate: int
    bitrate: int
    mono: bool
    version: int


def walk_mp3() -> Walk:
    """Pass over tags, check the first frames, and tell the duration from their Xing header or the bit rate."""
    header = yield from _after_tags()
    frame = _frame(header)
    frames = _declared_frames(frame, (yield Read(frame.size - 4)))
    try:
        for _ in range(FRAMES_CHECKED - 1):
            yield Skip(_frame((yield Read(4))).size - 4)
        yield Skip(TO_THE_END)
    except FileEnded as end:
        return _duration_s(frame, frames, end.position)
    raise broken("it never ends")


def _after_tags() -> Steps[bytes]:
    for _ in range(TAGS_MAX):
        header = yield Read(4)
        if not header.startswith(b"ID3"):
            return header
        rest = yield Read(6)
        size = rest[2] << 21 | rest[3] << 14 | rest[4] << 7 | rest[5]
        if any(byte & 0x80 for byte in rest[2:6]):
            raise broken("its ID3 tag has an impossible size")
        yield Skip(size + (10 if rest[1] & _ID3_FOOTER else 0))
    raise broken("it has too many tags")


def _frame(header: bytes) -> _Frame:
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    rate_index, bitrate_index = header[2] >> 2 & 3, header[2] >> 4
    synced = header[0] == 0xFF and header[1] & 0xE0 == 0xE0
    if not synced or layer != _LAYER_3 or version not in _RATES or rate_index == 3 or bitrate_index in (0, 15):
        raise broken("it holds no MP3 frames")
    bitrate = _BITRATES[3 if version == _VERSION_1 else 2][bitrate_index] * 1000
    rate = _RATES[version][rate_index]
    samples = 1152 if version == _VERSION_1 else 576
    size = samples // 8 * bitrate // rate + (header[2] >> 1 & 1)
    return _Frame(size, samples, rate, bitrate, header[3] >> 6 == 3, version)


def _declared_frames(frame: _Frame, audio: bytes) -> int:
    """Return the number of frames a Xing or Info header gives, or 0."""
    side = (17 if frame.mono else 32) if frame.version == _VERSION_1 else (9 if frame.mono else 17)
    if audio[side : side + 4] in (b"Xing", b"Info") and audio[side + 7] & 1:
        return int.from_bytes(audio[side + 8 : side + 12], "big")
    if audio[32:36] == b"VBRI":
        return int.from_bytes(audio[46:50], "big")
    return 0


def _duration_s(frame: _Frame, frames: int, size_bytes: int) -> float:
    if frames:
        return frames * frame.samples / frame.rate
    return size_bytes * 8 / frame.bitrate
