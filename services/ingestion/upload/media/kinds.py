"""The accepted media types; checks that file name, declared type and content agree."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from libs.common.errors import UNSUPPORTED_MEDIA_TYPE, AppError
from services.ingestion.upload.media.incremental_parser import IncrementalParser, Parser
from services.ingestion.upload.media.mp3 import parse_mp3
from services.ingestion.upload.media.mp4 import parse_mp4
from services.ingestion.upload.media.polyglot import PolyglotDetector
from services.ingestion.upload.media.wav import parse_wav
from services.ingestion.upload.media.webm import parse_webm

SNIFF_BYTES = 12
# Types that clients send when they do not know the type; the extension decides then.
_UNDECLARED = frozenset({"", "application/octet-stream"})
_EXTENSION = re.compile(r".*\.([A-Za-z0-9]{1,8})", re.DOTALL)


@dataclass(frozen=True)
class Kind:
    """An accepted format: its extension, the media type it is stored as, and the types a sender may declare."""

    extension: str
    media_type: str
    declared: frozenset[str]
    container: str
    parser: Callable[[], Parser]


KINDS: dict[str, Kind] = {
    kind.extension: kind
    for kind in (
        Kind(
            "mp3",
            "audio/mpeg",
            frozenset({"audio/mpeg", "audio/mp3", "audio/x-mp3", "audio/mpeg3", "audio/x-mpeg"}),
            "MP3",
            parse_mp3,
        ),
        Kind(
            "wav",
            "audio/wav",
            frozenset({"audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave", "audio/x-pn-wav"}),
            "WAV",
            parse_wav,
        ),
        Kind(
            "m4a",
            "audio/mp4",
            frozenset({"audio/mp4", "audio/m4a", "audio/x-m4a", "audio/mp4a-latm"}),
            "MP4",
            parse_mp4,
        ),
        Kind("webm", "audio/webm", frozenset({"audio/webm", "video/webm"}), "WebM", parse_webm),
        Kind("mp4", "video/mp4", frozenset({"video/mp4", "audio/mp4"}), "MP4", parse_mp4),
    )
}
ACCEPTED = ", ".join(KINDS)


def kind_of(filename: str, declared: str) -> Kind:
    """Return the format of a file name and declared type. Raises AppError(UNSUPPORTED_MEDIA_TYPE) if they differ."""
    found = _EXTENSION.fullmatch(filename)
    kind = KINDS.get(found[1].lower()) if found else None
    # A name that cannot be printed is none that a person gave to a file.
    if kind is None or not filename.isprintable():
        raise AppError(UNSUPPORTED_MEDIA_TYPE, f"The file's name must end in one of: {ACCEPTED}.")
    # Browsers add parameters such as codecs, which say nothing about the container.
    bare = declared.partition(";")[0].strip().lower()
    if bare not in _UNDECLARED and bare not in kind.declared:
        raise AppError(
            UNSUPPORTED_MEDIA_TYPE,
            f"The file is named .{kind.extension}, but the Content-Type of its part is not {kind.media_type}.",
        )
    return kind


class Inspector:
    """Inspects a recording as it streams: its magic bytes first, then its structure."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._head = b""
        self._sniffed = False
        self._parser = IncrementalParser(kind.parser())
        self._polyglot = PolyglotDetector()

    def feed(self, chunk: bytes) -> None:
        """Inspect the next bytes. Raises AppError(UNSUPPORTED_MEDIA_TYPE) once the content does not match."""
        # All bytes from the first: another format may begin anywhere in a file.
        self._polyglot.feed(chunk)
        if self._sniffed:
            self._parser.feed(chunk)
            return
        self._head += chunk
        if len(self._head) >= SNIFF_BYTES:
            self._sniff()

    def finish(self) -> float | None:
        """Check the end of the file; return its duration in seconds if the container has one."""
        if not self._sniffed:
            self._sniff()
        self._polyglot.finish()
        return self._parser.finish()

    def _sniff(self) -> None:
        found = sniff(self._head)
        if found != self._kind.container:
            content = f"{found} content" if found else "content in no accepted format"
            raise AppError(
                UNSUPPORTED_MEDIA_TYPE,
                f"The file is named .{self._kind.extension} but holds {content}. Accepted formats: {ACCEPTED}.",
            )
        self._sniffed = True
        self._parser.feed(self._head)
        self._head = b""


def sniff(head: bytes) -> str | None:
    """Return the container format from the first 12 bytes, None if unknown."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "WAV"
    if head[4:8] == b"ftyp":
        return "MP4"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "WebM"
    # An MP3 has no magic bytes: it begins with a tag or with the sync word and layer III of a frame.
    if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2):
        return "MP3"
    return None
