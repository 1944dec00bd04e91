"""The kinds of recording that are taken, and how a name, a declared type and the content must agree."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from libs.common.errors import UNSUPPORTED_MEDIA_TYPE, AppError
from services.ingestion.upload.media.disguise import Disguise
from services.ingestion.upload.media.mp3 import walk_mp3
from services.ingestion.upload.media.mp4 import walk_mp4
from services.ingestion.upload.media.walking import Walk, Walker
from services.ingestion.upload.media.wav import walk_wav
from services.ingestion.upload.media.webm import walk_webm

SNIFF_BYTES = 12
_UNDECLARED = frozenset({"", "application/octet-stream"})
_EXTENSION = re.compile(r".*\.([A-Za-z0-9]{1,8})", re.DOTALL)


@dataclass(frozen=True)
class Kind:
    """A kind of recording: its extension, the type we store it as, and what a sender may call it."""

    extension: str
    media_type: str
    declared: frozenset[str]
    container: str
    walk: Callable[[], Walk]


KINDS: dict[str, Kind] = {
    kind.extension: kind
    for kind in (
        Kind(
            "mp3",
            "audio/mpeg",
            frozenset({"audio/mpeg", "audio/mp3", "audio/x-mp3", "audio/mpeg3", "audio/x-mpeg"}),
            "MP3",
            walk_mp3,
        ),
        Kind(
            "wav",
            "audio/wav",
            frozenset({"audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave", "audio/x-pn-wav"}),
            "WAV",
            walk_wav,
        ),
        Kind(
            "m4a", "audio/mp4", frozenset({"audio/mp4", "audio/m4a", "audio/x-m4a", "audio/mp4a-latm"}), "MP4", walk_mp4
        ),
        Kind("webm", "audio/webm", frozenset({"audio/webm", "video/webm"}), "WebM", walk_webm),
        Kind("mp4", "video/mp4", frozenset({"video/mp4", "audio/mp4"}), "MP4", walk_mp4),
    )
}
ACCEPTED = ", ".join(KINDS)


def kind_of(filename: str, declared: str) -> Kind:
    """Return the kind a file's name and declared type agree on, else raise AppError(UNSUPPORTED_MEDIA_TYPE)."""
    found = _EXTENSION.fullmatch(filename)
    kind = KINDS.get(found[1].lower()) if found else None
    if kind is None or not filename.isprintable():
        raise AppError(UNSUPPORTED_MEDIA_TYPE, f"The file's name must end in one of: {ACCEPTED}.")
    bare = declared.partition(";")[0].strip().lower()
    if bare not in _UNDECLARED and bare not in kind.declared:
        raise AppError(
            UNSUPPORTED_MEDIA_TYPE,
            f"The file is named .{kind.extension} but its part declares another Content-Type than {kind.media_type}.",
        )
    return kind


class Inspector:
    """Looks at a recording as it flows by: its first bytes against its kind, then its structure."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._head = b""
        self._sniffed = False
        self._walker = Walker(kind.walk())
        self._disguise = Disguise()

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes; raises AppError(UNSUPPORTED_MEDIA_TYPE) as soon as the content is not of the kind."""
        self._disguise.feed(chunk)
        if self._sniffed:
            self._walker.feed(chunk)
            return
        self._head += chunk
        if len(self._head) >= SNIFF_BYTES:
            self._sniff()

    def finish(self) -> float | None:
        """Say that the file ended; return its duration in seconds where the container tells it."""
        if not self._sniffed:
            self._sniff()
        self._disguise.finish()
        return self._walker.finish()

    def _sniff(self) -> None:
        found = sniff(self._head)
        if found != self._kind.container:
            said = f"{found} content" if found else "content of no kind that is accepted"
            raise AppError(
                UNSUPPORTED_MEDIA_TYPE,
                f"The file is named .{self._kind.extension} but holds {said}. Accepted are: {ACCEPTED}.",
            )
        self._sniffed = True
        self._walker.feed(self._head)
        self._head = b""


def sniff(head: bytes) -> str | None:
    """Tell the container from the first twelve bytes, or None."""
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "WAV"
    if head[4:8] == b"ftyp":
        return "MP4"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "WebM"
    if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2):
        return "MP3"
    return None
