"""Tells from the first bytes of a file what it is, and from its last bytes whether it is something else as well.

Only what is clearly no recording is refused here. Whether a recording plays is found by the confined child of
libs/media, in the transcriber's stage: a parser of strangers' media never runs in the process that holds keys.
"""

import re
from dataclasses import dataclass

from libs.common.errors import UNSUPPORTED_MEDIA_TYPE, AppError

HEAD_BYTES = 64 * 1024
"""Recorders and downloads put tags, zeros or other bytes before the first frame of an MP3."""
PDF_WITHIN_BYTES = 1024
"""PDF readers accept a header anywhere in this range."""
ACCEPTED = "MP3, WAV, M4A, MP4, MOV, 3GP, WebM, Matroska, Ogg, Opus, FLAC, AAC, AIFF, CAF, AMR"
_ZIP_END = b"PK\x05\x06"
_ZIP_END_BYTES = 22
TAIL_BYTES = _ZIP_END_BYTES + 0xFFFF
"""ZIP readers search backwards for the end-of-directory record, before a comment of up to 64 KiB."""
_W64 = bytes.fromhex("726966662e91cf11a5d628db04c10000")

# What begins like this is no recording, whatever follows: (offset, bytes, what it is).
_OTHERS: tuple[tuple[int, bytes, str], ...] = (
    *((0, magic, "a program") for magic in (b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa", b"\0asm")),
    *((0, magic, "a program") for magic in (b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe", b"dex\n")),
    *((0, magic, "an archive") for magic in (b"PK\x03\x04", b"PK\x05\x06", b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c")),
    *((0, magic, "an archive") for magic in (b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"MSCF")),
    (257, b"ustar", "an archive"),
    *((0, magic, "a document") for magic in (b"%PDF-", b"%!PS", b"{\\rtf", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")),
    (0, b"SQLite format 3\0", "a database"),
    *((0, magic, "an image") for magic in (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")),
    (8, b"WEBP", "an image"),
    *((0, magic, "a playlist") for magic in (b"#EXTM3U", b"ffconcat", b"[playlist]")),
    (8, b"AVI ", "an AVI video"),
    (0, bytes.fromhex("3026b2758e66cf11"), "a Windows Media file"),
    (0, b"RIFX", "a WAV with its bytes in the reverse order (RIFX)"),
    (0, b"MThd", "notes without sound (MIDI)"),
)
_IMAGE_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis", b"crx ")
_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip", b"pnot", b"moof", b"styp", b"sidx")
BOXES_MAX, _BOX_HEAD_BYTES = 16, 8
_BRANDS = {b"qt  ": "video/quicktime", b"M4A ": "audio/mp4", b"M4B ": "audio/mp4", b"M4P ": "audio/mp4"}
# (offset, bytes, media type)
_RECORDINGS: tuple[tuple[int, bytes, str], ...] = (
    *((8, b"WAVE", "audio/wav"), (0, _W64, "audio/wav"), (0, b"\x1a\x45\xdf\xa3", "audio/webm")),
    *((0, b"OggS", "audio/ogg"), (0, b"fLaC", "audio/flac"), (0, b"#!AMR", "audio/amr"), (0, b"caff", "audio/x-caf")),
    *((8, b"AIFF", "audio/aiff"), (8, b"AIFC", "audio/aiff")),
)
_RIFFS = (b"RIFF", b"RF64", b"BW64", b"FORM")
_SYNC = re.compile(rb"\xff[\xe2-\xff]")
_KBITS: dict[tuple[bool, int], tuple[int, ...]] = {
    (True, 1): tuple(range(0, 449, 32)),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_FRAME_HEAD_BYTES = 6
FRAMES_MIN = 3
"""The bytes that begin a frame occur by chance; that two more stand where each ends does not."""


@dataclass
class Tail:
    """The first and last bytes of a recording as it streams: other programs must not open it as their own."""

    head: bytes = b""
    tail: bytes = b""

    def feed(self, chunk: bytes) -> None:
        """Keep what is looked at in the end."""
        if len(self.head) < PDF_WITHIN_BYTES:
            self.head = (self.head + chunk)[:PDF_WITHIN_BYTES]
        self.tail = chunk[-TAIL_BYTES:] if len(chunk) >= TAIL_BYTES else (self.tail + chunk)[-TAIL_BYTES:]

    def finish(self) -> None:
        """Raise AppError(UNSUPPORTED_MEDIA_TYPE) for what is also a document or an archive."""
        # The word alone may stand in a title or a picture; a document also has an end.
        if b"%PDF-" in self.head and b"%%EOF" in self.tail:
            raise refused("a PDF document as well")
        at = self.tail.find(_ZIP_END)
        while at >= 0:
            comment = int.from_bytes(self.tail[at + 20 : at + _ZIP_END_BYTES], "little")
            # The four bytes occur by chance in one of 65,000 files, so the comment must also end with the file.
            if at + _ZIP_END_BYTES + comment == len(self.tail):
                raise refused("a ZIP archive as well")
            at = self.tail.find(_ZIP_END, at + 1)


def sniff(head: bytes) -> str:
    """Return the media type of a recording from its first bytes (HEAD_BYTES, or all there are).

    Raises AppError(UNSUPPORTED_MEDIA_TYPE) for what is no recording, or of no kind that is taken.
    """
    for offset, magic, kind in _OTHERS:
        if head[offset : offset + len(magic)] == magic:
            raise refused(kind)
    if head[4:8] == b"ftyp":
        return _of_brand(head[8:12])
    for offset, magic, media_type in _RECORDINGS:
        if head[offset : offset + len(magic)] == magic and (offset == 0 or head[:4] in _RIFFS):
            return media_type
    return "video/mp4" if _is_boxes(head) else _of_frames(head)


def _is_boxes(head: bytes) -> bool:
    """Return True for an MP4 that does not begin with its brand: a box that is known, behind others that may not be."""
    at = 0
    for _ in range(BOXES_MAX):
        size, kind = int.from_bytes(head[at : at + 4], "big"), head[at + 4 : at + 8]
        if kind in _BOXES:
            return True
        if size < _BOX_HEAD_BYTES:
            return False
        at += size
    return False


def _of_brand(brand: bytes) -> str:
    if brand in _IMAGE_BRANDS:
        raise refused("an image")
    return "video/3gpp" if brand.startswith(b"3g") else _BRANDS.get(brand, "video/mp4")


def _of_frames(head: bytes) -> str:
    """Return the type of a stream of frames, which has no magic bytes: MPEG audio or AAC, behind tags or garbage."""
    if head.startswith(b"ID3"):
        # What is behind a tag, a picture of megabytes perhaps, is for the child to find.
        return "audio/mpeg"
    for found in _SYNC.finditer(head):
        media_type = _frames_at(head, found.start())
        if media_type is not None:
            return media_type
    raise refused("text" if _is_text(head) else "nothing that is known to be a recording")


def _frames_at(head: bytes, at: int) -> str | None:
    """Return the type of the frames from here on, None if these are none."""
    size_of, media_type = (_aac_size, "audio/aac") if head[at + 1] & 0xF6 == 0xF0 else (_mpeg_size, "audio/mpeg")
    first, count = at, 0
    while count < FRAMES_MIN:
        frame = head[at : at + _FRAME_HEAD_BYTES]
        if len(frame) < _FRAME_HEAD_BYTES:
            # A recording of one frame is short and begins with it.
            return media_type if count and first == 0 else None
        size = size_of(frame)
        if not size:
            return None
        at += size
        count += 1
    return media_type


def _aac_size(frame: bytes) -> int:
    """Return the size of an AAC frame (ISO 13818-7, ADTS), 0 if it is none."""
    if frame[0] != 0xFF or frame[1] & 0xF6 != 0xF0 or (frame[2] >> 2 & 0xF) > 12:
        return 0
    size = (frame[3] & 3) << 11 | frame[4] << 3 | frame[5] >> 5
    return size if size > 7 else 0


def _mpeg_size(frame: bytes) -> int:
    """Return the size of a frame of MPEG audio (ISO 11172-3, 13818-3), 0 if it is none."""
    version, layer = frame[1] >> 3 & 3, 4 - (frame[1] >> 1 & 3)
    bitrate, rate = frame[2] >> 4, frame[2] >> 2 & 3
    if frame[0] != 0xFF or frame[1] < 0xE0 or version not in _RATES or layer == 4 or bitrate in (0, 15) or rate == 3:
        return 0
    is_first = version == 3
    bits, padding = _KBITS[is_first, layer][bitrate] * 1000, frame[2] >> 1 & 1
    if layer == 1:
        return (12 * bits // _RATES[version][rate] + padding) * 4
    return (144 if is_first or layer == 2 else 72) * bits // _RATES[version][rate] + padding


def _is_text(head: bytes) -> bool:
    # The last character may be cut.
    text = head[:-3].decode("utf-8", errors="replace") if len(head) > HEAD_BYTES - 4 else head.decode(errors="replace")
    return "\ufffd" not in text and all(character.isprintable() or character.isspace() for character in text)


def refused(kind: str) -> AppError:
    """Return the error for a file that is no recording; `kind` completes "it is"."""
    return AppError(UNSUPPORTED_MEDIA_TYPE, f"The file is no recording that is taken: it is {kind}. Taken: {ACCEPTED}.")
