"""Detects polyglot files: recordings that other programs open as an archive or a document."""

from services.ingestion.upload.media.incremental_parser import broken

PDF_WITHIN_BYTES = 1024
"""PDF readers accept a header anywhere in this range."""
_PDF = b"%PDF-"
_ZIP_END = b"PK\x05\x06"
_ZIP_END_BYTES = 22
TAIL_BYTES = _ZIP_END_BYTES + 0xFFFF
"""ZIP readers search backwards for the end-of-directory record, before a comment of up to 64 KiB."""


class PolyglotDetector:
    """Inspects the first and last bytes of a file as it streams; buffers about 66 KB."""

    def __init__(self) -> None:
        self._head = b""
        self._tail = b""

    def feed(self, chunk: bytes) -> None:
        """Inspect the next bytes. Raises AppError(UNSUPPORTED_MEDIA_TYPE) for a PDF header."""
        if len(self._head) < PDF_WITHIN_BYTES:
            self._head = (self._head + chunk)[:PDF_WITHIN_BYTES]
            if _PDF in self._head:
                raise broken("it is also a PDF")
        self._tail = chunk[-TAIL_BYTES:] if len(chunk) >= TAIL_BYTES else (self._tail + chunk)[-TAIL_BYTES:]

    def finish(self) -> None:
        """Inspect the end of the file. Raises AppError(UNSUPPORTED_MEDIA_TYPE) for the end of a ZIP archive."""
        at = self._tail.find(_ZIP_END)
        while at >= 0:
            comment = int.from_bytes(self._tail[at + 20 : at + _ZIP_END_BYTES], "little")
            # The four bytes occur by chance in one of 65,000 files, so the comment must also end with the file.
            if at + _ZIP_END_BYTES + comment == len(self._tail):
                raise broken("it is also a ZIP archive")
            at = self._tail.find(_ZIP_END, at + 1)
