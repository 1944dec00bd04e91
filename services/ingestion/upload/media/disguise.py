"""Files that are two things at once: a recording to us, and an archive or a document to whoever opens it next."""

from services.ingestion.upload.media.walking import broken

PDF_WITHIN_BYTES = 1024
"""Readers of PDF take a header anywhere in here."""
_PDF = b"%PDF-"
_ZIP_END = b"PK\x05\x06"
_ZIP_END_BYTES = 22
TAIL_BYTES = _ZIP_END_BYTES + 0xFFFF
"""Readers of ZIP look for the directory's end from the end of the file, before a comment of up to 64 KiB."""


class Disguise:
    """Watches the beginning and the end of a file as it flows by; keeps about 66 KB."""

    def __init__(self) -> None:
        self._head = b""
        self._tail = b""

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        if len(self._head) < PDF_WITHIN_BYTES:
            self._head = (self._head + chunk)[:PDF_WITHIN_BYTES]
            if _PDF in self._head:
                raise broken("it is a PDF as well")
        self._tail = chunk[-TAIL_BYTES:] if len(chunk) >= TAIL_BYTES else (self._tail + chunk)[-TAIL_BYTES:]

    def finish(self) -> None:
        """Say that the file ended; raises when it ends as a ZIP archive does."""
        at = self._tail.find(_ZIP_END)
        while at >= 0:
            comment = int.from_bytes(self._tail[at + 20 : at + _ZIP_END_BYTES], "little")
            # Four bytes come by chance once in 65,000 files; that their comment ends with the file as well does not.
            if at + _ZIP_END_BYTES + comment == len(self._tail):
                raise broken("it is a ZIP archive as well")
            at = self._tail.find(_ZIP_END, at + 1)
