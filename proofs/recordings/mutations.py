"""Ways to break a good recording, or to call it something else; each takes the dice.

A flipped sample is still a sample, so what is broken is structure: the beginning, sizes, types, tables, the end.
What is left may play or not; what the confined child says of it must be true.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random

BOXES = (b"ftyp", b"moov", b"mvhd", b"trak", b"tkhd", b"mdia", b"mdhd", b"hdlr", b"minf", b"dinf", b"dref", b"stbl")
TABLES = (b"stsd", b"stts", b"stsc", b"stsz", b"stco")
HUGE = (0x7FFFFFFF, 0xFFFFFFFF, 0xFFFFFFF0, 0x40000000)
SEGMENT, INFO, TRACKS, CLUSTER = b"\x18\x53\x80\x67", b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75"


@dataclass(frozen=True)
class Sent:
    """A file as a sender sends it."""

    filename: str
    media_type: str
    data: bytes

    @property
    def extension(self) -> str:
        """Return the last part of its name."""
        return self.filename.rpartition(".")[2]


Mutation = Callable[[Sent, Random], Sent]


def with_another_beginning(sent: Sent, dice: Random) -> Sent:
    """Overwrite the magic number."""
    return replace(sent, data=dice.randbytes(12) + sent.data[12:])


def with_something_before(sent: Sent, dice: Random) -> Sent:
    """Push the file back by a few bytes."""
    return replace(sent, data=dice.randbytes(dice.randint(1, 64)) + sent.data)


def cut(sent: Sent, dice: Random) -> Sent:
    """Lose the end."""
    return replace(sent, data=sent.data[: dice.randint(1, len(sent.data) - 1)])


def with_a_hole(sent: Sent, dice: Random) -> Sent:
    """Lose some bytes in the middle."""
    size = dice.randint(1, 40)
    at = dice.randint(12, len(sent.data) * 3 // 4)
    return replace(sent, data=sent.data[:at] + sent.data[at + size :])


def with_something_after(sent: Sent, dice: Random) -> Sent:
    """Hide something behind the end."""
    tails = (
        b"MZ\x90\x00\x03" + dice.randbytes(300),
        b"\x7fELF\x02\x01\x01" + dice.randbytes(300),
        b"PK\x03\x04" + dice.randbytes(60) + b"PK\x05\x06" + bytes(18),
        b"%PDF-1.7\n" + dice.randbytes(100) + b"%%EOF",
        b"<html><script>alert(1)</script></html>",
        b"#!/bin/sh\nexec sh\n" + b"# x" * 50,
        b"Rar!\x1a\x07\x01\x00" + dice.randbytes(100),
    )
    return replace(sent, data=sent.data + dice.choice(tails))


def under_another_name(sent: Sent, dice: Random) -> Sent:
    """Call it another kind of recording, or something else altogether."""
    others = ("wav", "mp3", "m4a", "webm", "exe", "txt", "zip", "mp3.js", "ogg", "mkv")
    return replace(sent, filename=f"session.{dice.choice(others)}")


def of_another_type(sent: Sent, dice: Random) -> Sent:
    """Declare it to be something else."""
    types = ("text/plain", "image/png", "application/pdf", "text/html", "application/zip", "audio/ogg", "audio/flac")
    return replace(sent, media_type=dice.choice(types))


def emptied(sent: Sent, dice: Random) -> Sent:
    """Keep the size and lose the content."""
    return replace(sent, data=dice.choice((bytes(len(sent.data)), dice.randbytes(len(sent.data)))))


def with_a_wrong_box_size(sent: Sent, dice: Random) -> Sent:
    """Change the size a box says it has."""
    data = bytearray(sent.data)
    at = _box_at(data, dice, BOXES + TABLES)
    true = struct.unpack_from(">I", data, at)[0]
    wrong = [*HUGE, *range(2, 8), true + dice.randint(1, 64), max(8, true - dice.randint(1, 64)) if true > 9 else 2]
    struct.pack_into(">I", data, at, dice.choice([size for size in wrong if size != true]))
    return replace(sent, data=bytes(data))


def with_a_wrong_box_type(sent: Sent, dice: Random) -> Sent:
    """Call a box something nobody knows."""
    data = bytearray(sent.data)
    at = _box_at(data, dice, [kind for kind in BOXES + TABLES if kind not in (b"mvhd", b"stsz")])
    data[at + 4 : at + 8] = bytes(dice.choice(b"qxyz") for _ in range(4))
    return replace(sent, data=bytes(data))


def with_samples_elsewhere(sent: Sent, dice: Random) -> Sent:
    """Say that the samples are in another file or at a host."""
    where = dice.choice((b"http://169.254.169.254/latest\0", b"file:///etc/passwd\0", b"\\\\host\\share\\a\0"))
    at = sent.data.index(b"dref") - 4
    size = struct.unpack_from(">I", sent.data, at)[0]
    entry = struct.pack(">I4sI", 12 + len(where), dice.choice((b"url ", b"urn ", b"alis")), 0) + where
    dref = struct.pack(">I4sII", 16 + len(entry), b"dref", 0, 1) + entry
    return replace(sent, data=_grown(sent.data, at, size, dref))


def too_long_mp4(sent: Sent, dice: Random) -> Sent:
    """Let every sample last for hours."""
    data = bytearray(sent.data)
    at = data.index(b"stts") + 12
    struct.pack_into(">I", data, at + 4, dice.randint(1 << 26, 1 << 31))
    return replace(sent, data=bytes(data))


def with_a_wrong_chunk(sent: Sent, dice: Random) -> Sent:
    """Break a WAV's names, format or sizes."""
    data = bytearray(sent.data)
    fmt, samples = data.index(b"fmt "), data.index(b"data")
    places: Mapping[int, bytes] = {
        0: dice.randbytes(4),
        8: dice.randbytes(4),
        fmt: bytes(dice.choice(b"qxyz") for _ in range(4)),
        fmt + 4: struct.pack("<I", dice.choice(HUGE)),
        fmt + 8: struct.pack("<H", dice.randint(0x100, 0x1000)),
        fmt + 10: struct.pack("<H", dice.choice((0, 17, 0xFFFF))),
        fmt + 12: struct.pack("<I", dice.choice((0, 1, 0xFFFFFFFF))),
        fmt + 20: struct.pack("<H", dice.choice((0, 0xFFFF))),
        samples: bytes(dice.choice(b"qxyz") for _ in range(4)),
        samples + 4: struct.pack("<I", len(data) + dice.randint(1, 1 << 30)),
    }
    at = dice.choice(list(places))
    data[at : at + len(places[at])] = places[at]
    return replace(sent, data=bytes(data))


def with_a_wrong_element(sent: Sent, dice: Random) -> Sent:
    """Break a WebM's document type, tracks or the ids of its elements."""
    data = bytearray(sent.data)
    kind = dice.choice((b"webm", SEGMENT, TRACKS, CLUSTER, b"\x83\x81\x02"))
    at = data.rindex(kind) if kind == TRACKS else data.index(kind)  # the first one only says where the second is
    new = {
        b"webm": bytes(dice.choice(b"qxyz") for _ in range(4)),
        b"\x83\x81\x02": bytes((0x83, 0x81, dice.choice((0, 1, 0x11, 0x20)))),
    }.get(kind, bytes((kind[0], *(dice.randrange(256) for _ in range(3)))))
    if new == kind:
        new = bytes((kind[0], 0, 0, 0))
    data[at : at + len(new)] = new
    return replace(sent, data=bytes(data))


def with_a_wrong_element_size(sent: Sent, dice: Random) -> Sent:
    """Change the size of the segment or the tracks."""
    data = bytearray(sent.data)
    kind = dice.choice((TRACKS, INFO))
    at = data.index(kind) + 4
    data[at : at + 1] = b"\x08" + dice.randbytes(4)  # five bytes of size where there was one
    return replace(sent, data=bytes(data))


def out_of_step(sent: Sent, dice: Random) -> Sent:
    """Overwrite a stretch of an MP3 that spans whole frames."""
    at = dice.randint(len(sent.data) // 4, len(sent.data) // 2)
    size = len(sent.data) // 4
    noise = bytes(dice.randrange(0, 0xE0) for _ in range(size))
    return replace(sent, data=sent.data[:at] + noise + sent.data[at + size :])


COMMON: tuple[Mutation, ...] = (
    *(with_another_beginning, with_something_before, cut, with_a_hole, with_something_after),
    *(under_another_name, of_another_type, emptied),
)
OF_MP4: tuple[Mutation, ...] = (with_a_wrong_box_size, with_a_wrong_box_type, with_samples_elsewhere, too_long_mp4)
SPECIAL: Mapping[str, tuple[Mutation, ...]] = {
    "mp3": (out_of_step,),
    "wav": (with_a_wrong_chunk,),
    "m4a": OF_MP4,
    "mp4": OF_MP4,
    "webm": (with_a_wrong_element, with_a_wrong_element_size),
}


def mutated(sent: Sent, dice: Random) -> tuple[str, Sent]:
    """Return a broken version of a good file, and how it was broken."""
    mutation = dice.choice(COMMON + SPECIAL.get(sent.extension, ()) * 3)
    return mutation.__name__, mutation(sent, dice)


def _box_at(data: bytearray, dice: Random, kinds: "tuple[bytes, ...] | list[bytes]") -> int:
    return data.index(dice.choice([kind for kind in kinds if kind in data])) - 4


def _grown(data: bytes, at: int, size: int, box: bytes) -> bytes:
    """Put another box in the place of one inside the first track, and let those around it grow with it."""
    grown = bytearray(data[:at] + box + data[at + size :])
    for around in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        start = data.index(around) - 4
        struct.pack_into(">I", grown, start, struct.unpack_from(">I", grown, start)[0] + len(box) - size)
    return bytes(grown)
