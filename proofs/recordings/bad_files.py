"""Files and forms made by hand: what must be refused at the upload, and recordings that are broken in some way.

Disguises, bombs, tricks with boundaries, limits and lengths.
"""

import io
import struct
import tarfile
import wave
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from proofs.recordings.mutations import CLUSTER, Sent
from services.ingestion.tests.ingestion_world import BOUNDARY, END, part
from services.ingestion.upload.multipart import (
    FIELD_BYTES_MAX,
    FIELDS_MAX,
    HEADER_BYTES_MAX,
    HEADERS_MAX,
    PREAMBLE_BYTES_MAX,
)

BOUNDARY_LINE = f"--{BOUNDARY}\r\n".encode()
OVER_FOUR_HOURS_S = 4 * 3600 + 120
EMPTY_BOXES = 10_000
TOO_LONG = frozenset({"recording-too-long"})
NEVER_PLAYS = frozenset({"refused", "recording-unreadable", "recording-damaged", "no-sound", "no-speech"})


@dataclass(frozen=True)
class Bad:
    """A request that must be refused: a whole body, the Content-Type it comes with, and what is wrong with it."""

    name: str
    body: bytes
    content_type: str = f"multipart/form-data; boundary={BOUNDARY}"


@dataclass(frozen=True)
class Broken:
    """A recording that is broken in some way, and what may become of it; None: anything but a crash."""

    name: str
    sent: Sent
    may: frozenset[str] | None = None


def file_part(sent: Sent) -> bytes:
    """Return the file's part, without the line that ends it."""
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{sent.filename}"\r\n'
        f"Content-Type: {sent.media_type}\r\n\r\n"
    )
    return head.encode() + sent.data


def body_of(fields: Mapping[str, str], sent: Sent) -> bytes:
    """Return a well-formed form around a file."""
    return b"".join(part(name, value.encode()) for name, value in fields.items()) + file_part(sent) + END


def bad_requests(fields: Mapping[str, str], good: Mapping[str, Sent]) -> Iterator[Bad]:
    """Yield them all. `good` has a recording of each kind, `fields` those of a form that is acceptable."""
    for name, sent in bad_files(good):
        yield Bad(name, body_of(fields, sent))
    yield from _bad_forms(fields, good["wav"])


def bad_files(good: Mapping[str, Sent]) -> Iterator[tuple[str, Sent]]:
    """Yield files that are no recordings, each with what is wrong with it."""
    for extension in ("mp3", "wav", "m4a", "webm", "mp4"):
        for name, data in _other_things():
            yield f"{name} called .{extension}", _called(extension, data)
        yield f"zero bytes called .{extension}", _called(extension, b"")
        yield f"one byte called .{extension}", _called(extension, good[extension].data[:1])
        yield f"a zip archive behind a .{extension}", _called(extension, good[extension].data + _zip())
        document = good[extension].data[:200] + b"%PDF-1.7 " + good[extension].data + b"trailer <<>>\n%%EOF"
        yield f"a PDF around a .{extension}", _called(extension, document)
        yield f"a program before a .{extension}", _called(extension, b"MZ\x90\0\x03" + bytes(400) + good["mp3"].data)


def broken_recordings(good: Mapping[str, Sent]) -> Iterator[Broken]:
    """Yield recordings that begin like one, each with what is wrong with it."""
    for extension in ("mp3", "wav", "m4a", "webm", "mp4"):
        yield Broken(f"its first twelve bytes called .{extension}", _called(extension, good[extension].data[:12]))
    for name, head in (("Ogg", b"OggS\x00\x02"), ("FLAC", b"fLaC\x00\x00\x00\x22")):
        yield Broken(f"{name} and nothing", _called("ogg", head + bytes(400)), NEVER_PLAYS)
    of_kinds = (
        *(_of_wav(good["wav"].data), _of_mp3(good["mp3"].data)),
        *(_of_mp4(good["m4a"].data), _of_webm(good["webm"].data)),
    )
    for kind in of_kinds:
        for name, sent in kind:
            yield Broken(name, sent, _MAY.get(name))


_NAMED_NEVER = (
    *("a WAV with only a header", "an ID3 tag and nothing else", "text behind an ID3 tag"),
    *("a program in an MP3's tag and no sound", "samples without a movie", "a movie without samples"),
    *("a movie that is elsewhere", "a WebM without a cluster", "a frame header and text"),
)
# An MP4 or a WebM only says so in its header, and plays for a second.
_MAY = dict.fromkeys(_NAMED_NEVER, NEVER_PLAYS) | {
    f"{kind} of more than four hours": TOO_LONG for kind in ("a WAV", "an MP3")
}


def _called(extension: str, data: bytes) -> Sent:
    return Sent(f"session.{extension}", "application/octet-stream", data)


def _other_things() -> Iterator[tuple[str, bytes]]:
    yield "text", b"Dear diary, today I spoke with my therapist. " * 40
    yield "an empty line", b"\r\n"
    yield "HTML", b"<!doctype html><script>alert(1)</script>" * 10
    yield "a PDF", b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF" + bytes(100)
    yield "a zip archive", _zip()
    yield "a tar archive", _tar()
    yield "gzip", b"\x1f\x8b\x08\x00" + bytes(200)
    yield "a Windows program", b"MZ\x90\x00\x03\x00\x00\x00" + bytes(400)
    yield "a Linux program", b"\x7fELF\x02\x01\x01" + bytes(400)
    yield "a PNG", b"\x89PNG\r\n\x1a\n" + bytes(400)
    yield "a JPEG", b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(400)
    yield "a HEIC image", _box(b"ftyp", b"heic\0\0\0\0mif1heic") + _box(b"mdat", bytes(500))
    yield "AVI", b"RIFF\x00\x10\x00\x00AVI LIST" + bytes(400)
    yield "a playlist", b"#EXTM3U\nhttp://169.254.169.254/latest/meta-data\n"
    yield "a concat script", b"ffconcat version 1.0\nfile /etc/passwd\n"
    yield "an AAC stream", b"\xff\xf1\x50\x80\x04\x3f\xfc" + bytes(400)


def _of_wav(data: bytes) -> Iterator[tuple[str, Sent]]:
    yield "a WAV with only a header", _called("wav", data[:44])
    yield "a WAV cut in the middle", _called("wav", data[: len(data) // 2])
    yield "a WAV of 4 GB in a few bytes", _called("wav", data[:40] + struct.pack("<I", 0x7FFE0000) + data[44:])
    yield "a WAV with 200 chunks before its samples", _called("wav", data[:36] + b"JUNK\4\0\0\0abcd" * 200 + data[36:])
    yield "a WAV in a RIFF that is longer", _called("wav", data[:4] + struct.pack("<I", 1 << 20) + data[8:])
    yield "a WAV of more than four hours", _called("wav", _long_wav())
    yield "an RF64", _called("wav", b"RF64" + data[4:])
    yield "a WAV inside a WAV's header", _called("wav", data[:12] + data)


def _of_mp3(data: bytes) -> Iterator[tuple[str, Sent]]:
    tag = data[: 10 + int.from_bytes(data[6:10], "big")] if data[:3] == b"ID3" else b""
    yield "an ID3 tag and nothing else", _called("mp3", b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10))
    yield "an ID3 tag that is larger than the file", _called("mp3", b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(999))
    yield "an ID3 tag with an impossible size", _called("mp3", b"ID3\x04\x00\x00\xff\xff\xff\xff" + data)
    yield "a hundred ID3 tags", _called("mp3", b"ID3\x04\x00\x00\x00\x00\x00\x00" * 100 + data)
    yield "text behind an ID3 tag", _called("mp3", tag + b"words and no sound " * 100)
    yield "a frame header and text", _called("mp3", b"\xff\xfb\x90\x00" + b"words and no sound " * 100)
    yield "a program in an MP3's tag and no sound", _called("mp3", b"ID3\x04\0\0\0\0\x03\x10MZ\x90\0" + bytes(396))
    yield "an MP3 cut in the middle", _called("mp3", data[: len(data) // 2])
    yield "an MP3 and a lot of nothing", _called("mp3", data + bytes(2 << 20))
    yield "an MP3 of more than four hours", _called("mp3", _long_mp3())


def _of_mp4(data: bytes) -> Iterator[tuple[str, Sent]]:
    moov = data.index(b"moov") - 4
    size = struct.unpack_from(">I", data, moov)[0]
    movie = data[moov : moov + size]
    ftyp = data[: struct.unpack_from(">I", data)[0]]
    yield "boxes in boxes, ten thousand deep", _called("mp4", ftyp + _nested(b"moov", 10_000))
    yield "tracks in tracks", _called("m4a", ftyp + _box(b"moov", _nested(b"trak", 5000)) + _box(b"mdat", b"x" * 50))
    yield "a movie without samples", _called("mp4", ftyp + movie)
    yield "samples without a movie", _called("mp4", ftyp + _box(b"mdat", bytes(500)))
    yield "two movies", _called("m4a", data + movie)
    yield "a box of 8 exabytes", _called("mp4", ftyp + struct.pack(">I4sQ", 1, b"mdat", 1 << 63) + bytes(100))
    yield "a box of 4 GB", _called("mp4", ftyp + struct.pack(">I4s", 0xFFFFFFFF, b"mdat") + bytes(100))
    yield "a movie to the end of the file", _called("mp4", ftyp + struct.pack(">I4s", 0, b"moov") + movie[8:])
    yield "far too many empty boxes", _called("mp4", ftyp + _box(b"free", b"") * EMPTY_BOXES + data[len(ftyp) :])
    yield (
        "a movie that is elsewhere",
        _called("mp4", ftyp + _box(b"moov", _box(b"rmra", bytes(40))) + data[len(ftyp) :]),
    )
    yield "a compressed movie", _called("mp4", ftyp + _box(b"moov", _box(b"cmov", bytes(40))) + _box(b"mdat", b"x"))
    yield "samples at a host", _called("m4a", data.replace(b"url \0\0\0\1", b"url \0\0\0\0"))
    yield "no word where the samples are", _called("m4a", data.replace(b"dref", b"free"))
    yield "a picture and no sound", _called("mp4", data.replace(b"soun", b"vide"))
    yield "an MP4 of more than four hours", _called("m4a", _long_mp4(data))
    yield "a table of four billion entries", _called("m4a", _with_count(data, 0xFFFFFFFF))
    yield "a table of no entries", _called("m4a", _with_count(data, 0))
    yield "an MP4 whose last byte is missing", _called("m4a", data[:-1])


def _of_webm(data: bytes) -> Iterator[tuple[str, Sent]]:
    cluster = data.index(CLUSTER)
    yield "a Matroska file", _called("webm", data.replace(b"webm", b"matr", 1))
    yield "a WebM without a cluster", _called("webm", data[:cluster])
    yield (
        "a WebM whose sound comes first",
        _called("webm", data[: data.index(b"\x18\x53\x80\x67") + 12] + data[cluster:]),
    )
    yield "a WebM cut in its cluster", _called("webm", data[: cluster + 200])
    yield "an EBML header of 16 MB", _called("webm", b"\x1a\x45\xdf\xa3\x11\x00\x00\x00" + bytes(500))
    yield "an EBML header without a size", _called("webm", b"\x1a\x45\xdf\xa3\x00" + bytes(500))
    yield "an EBML header in itself", _called("webm", b"\x1a\x45\xdf\xa3\x84" * 1000)
    yield "a WebM with a picture and no sound", _called("webm", data.replace(b"\x83\x81\x02", b"\x83\x81\x01"))
    yield "a WebM of more than four hours", _called("webm", _long_webm(data, cluster))
    yield "a WebM with attached files", _called("webm", _with_attachment(data, cluster))
    yield "a WebM whose last byte is missing", _called("webm", data[:-1])


def any_name(good: Sent) -> Iterator[Sent]:
    """Yield a recording under names and types that say nothing, or something else."""
    names = ("", ".", "mp3", "blob", "session.", "session.mp3.exe", "session.mp3 ", "a.mp3/", "a\tb.mp3", "a.exe\0.mp3")
    for filename in (*names, "9.14\u202fAM.m4a", "\u200f\u05e4\u05d2.wav", "\U0001f468\u200d\U0001f469", "session.txt"):
        yield Sent(filename, "audio/mpeg", good.data)
    for media_type in ("text/html", "audio/wav", "multipart/mixed", "audio/mpeg2", "*/*", "audio"):
        yield Sent("a.mp3", media_type, good.data)


def _bad_forms(fields: Mapping[str, str], wav: Sent) -> Iterator[Bad]:
    whole = body_of(fields, wav)
    head, tail = b"".join(part(name, value.encode()) for name, value in fields.items()), file_part(wav) + END
    yield Bad("no body", b"")
    yield Bad("an empty form", END[2:])
    yield Bad("no end", whole[: -len(END)])
    yield Bad("half an end", whole[:-4])
    yield Bad("lines that end in a line feed only", whole.replace(b"\r\n", b"\n"))
    yield Bad("another boundary in the body", whole.replace(BOUNDARY.encode(), b"another"))
    yield Bad("a boundary that begins the same", whole.replace(f"{BOUNDARY}\r".encode(), f"{BOUNDARY}x\r".encode()))
    yield Bad("two files", head + file_part(wav) + b"\r\n" + tail)
    yield Bad("fields after the file", file_part(wav) + b"\r\n" + head + END[2:])
    yield Bad("a field that comes twice", part("language", b"en") * 2 + head + tail)
    yield Bad("more parts than allowed", b"".join(part(f"x{n}", b"") for n in range(FIELDS_MAX + 1)) + head + tail)
    yield Bad("a field over its limit", part("metadata", b"x" * (FIELD_BYTES_MAX + 1)) + head + tail)
    yield Bad("fields over their limit together", part("x", b"x" * FIELD_BYTES_MAX) * 4 + head + tail)
    yield Bad("a header over its limit", BOUNDARY_LINE + b"X-A: " + b"x" * (HEADER_BYTES_MAX + 1) + b"\r\n\r\n" + tail)
    yield Bad("more headers than allowed", BOUNDARY_LINE + b"X-A: b\r\n" * (HEADERS_MAX + 1) + b"\r\nx\r\n" + tail)
    yield Bad("a preamble without end", b"\r\n" * PREAMBLE_BYTES_MAX)
    yield Bad("a part without a name", BOUNDARY_LINE + b"Content-Disposition: form-data\r\n\r\nx\r\n" + head + tail)
    yield Bad("an attachment", whole.replace(b'form-data; name="file"', b'attachment; name="file"'))
    yield Bad("a file in the name of a field", whole.replace(b'name="file"', b'name="File"'))
    yield Bad("a header that is folded", whole.replace(b"; filename", b";\r\n filename"))
    yield Bad("a field that is not UTF-8", part("language", b"\xff\xfe") + head + tail)
    yield Bad("a file sent as base64", whole.replace(wav.data, b"UklGRg==" * 100))
    yield Bad("a form in the file", head + file_part(Sent("a.wav", "audio/wav", whole)) + END)
    yield Bad("an unknown field", part("colour", b"red") + head + tail)
    yield Bad("a patient who is no id", part("patient_id", b"../../etc") + tail)
    yield Bad("no fields at all", tail)
    for content_type in (
        *("", "application/json", "text/plain", "multipart/mixed; boundary=x", "multipart/form-data"),
        *('multipart/form-data; boundary=""', f"multipart/form-data; boundary={'x' * 71}"),
        *("multipart/form-data; boundary=other", f"application/x-www-form-urlencoded; boundary={BOUNDARY}"),
    ):
        yield Bad(f"a body declared as {content_type[:40]!r}", whole, content_type)


def _box(kind: bytes, inside: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(inside), kind) + inside


def _nested(kind: bytes, depth: int) -> bytes:
    return b"".join(struct.pack(">I4s", 8 * left, kind) for left in range(depth, 0, -1))


def _with_count(data: bytes, count: int) -> bytes:
    at = data.index(b"stts") + 8
    return data[:at] + struct.pack(">I", count) + data[at + 4 :]


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("words.txt", "what somebody said")
    return file.getvalue()


def _tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("words.txt"))
    return file.getvalue()


def _long_wav() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(1)
        writer.setframerate(1000)
        writer.writeframes(bytes(1000 * (OVER_FOUR_HOURS_S)))
    return file.getvalue()


def _long_mp3() -> bytes:
    # MPEG 2.5, 8 kbit/s, 8 kHz, mono: frames of 72 bytes and 72 ms.
    return (b"\xff\xe3\x18\xc4" + bytes(68)) * int((OVER_FOUR_HOURS_S) / 0.072)


def _long_mp4(data: bytes) -> bytes:
    at = data.index(b"mvhd") + 4
    scale = struct.unpack_from(">I", data, at + 12)[0]
    return data[: at + 16] + struct.pack(">I", scale * (OVER_FOUR_HOURS_S)) + data[at + 20 :]


def _long_webm(data: bytes, cluster: int) -> bytes:
    """Let the first cluster begin after four hours: four bytes of time where there was one."""
    at = data.index(b"\xe7\x81", cluster)
    grown = data[:at] + b"\xe7\x84" + struct.pack(">I", 1000 * OVER_FOUR_HOURS_S) + data[at + 3 :]
    return _resized(grown, cluster, 3)


def _with_attachment(data: bytes, cluster: int) -> bytes:
    attached = b"\x19\x41\xa4\x69\x84abcd"
    return _resized(data[:cluster] + attached + data[cluster:], None, len(attached))


def _resized(data: bytes, cluster: int | None, by: int) -> bytes:
    """Let the segment, and a cluster inside it, say that they have grown."""
    grown = bytearray(data)
    for at in (data.index(b"\x18\x53\x80\x67"), cluster):
        if at is not None:
            length = 9 - data[at + 4].bit_length()
            size = int.from_bytes(data[at + 4 : at + 4 + length], "big") + by
            grown[at + 4 : at + 4 + length] = size.to_bytes(length, "big")
    return bytes(grown)
