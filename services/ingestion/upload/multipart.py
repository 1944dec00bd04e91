"""Incremental multipart parser (RFC 7578): fields first, `file` last, every size limited, nothing spooled to disk."""

from collections.abc import Sequence
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from libs.common.errors import INVALID_REQUEST, PAYLOAD_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, AppError, FieldError
from libs.contracts.problems import FIELDS_AFTER_FILE

FILE_PART = "file"
FIELDS_MAX = 16
FIELD_BYTES_MAX = 16 * 1024
PREAMBLE_BYTES_MAX = 48 * 1024
"""Maximum size of everything before the file. Bounds what is read before consent is checked."""
HEADERS_MAX = 8
HEADER_BYTES_MAX = 2048
TRAILER_BYTES_MAX = 4096
BOUNDARY_CHARS_MAX = 70


@dataclass(frozen=True)
class FieldRead:
    """A complete form field."""

    name: str
    value: str


@dataclass(frozen=True)
class FileBegins:
    """The headers of `file` are over; its bytes follow. Its name and declared type say nothing and are not kept."""


@dataclass(frozen=True)
class FileBytes:
    """A chunk of the file."""

    data: bytes


@dataclass(frozen=True)
class FileEnds:
    """The end of the file part."""


Piece = FieldRead | FileBegins | FileBytes | FileEnds


class MultipartReader:
    """Splits the chunks of a body into pieces. Raises AppError for any form other than the accepted one."""

    def __init__(self, content_type: str) -> None:
        self._parser = MultipartParser(
            _boundary(content_type),
            {
                "on_part_begin": self._on_part_begin,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_end": self._on_end,
            },
            # The parser's own limits are for any form; ours has four fields and a file.
            max_header_count=HEADERS_MAX,
            max_header_size=HEADER_BYTES_MAX,
        )
        self._pieces: list[Piece] = []
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._headers: dict[bytes, bytes] = {}
        self._field: str | None = None
        self._value = bytearray()
        self._fields = 0
        self._in_file = False
        self._file_seen = False
        self._ended = False
        self._outside_bytes = 0

    def feed(self, chunk: bytes) -> Sequence[Piece]:
        """Parse the next bytes of the body; return the completed pieces."""
        self._count(len(chunk))
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise _malformed("The body is not well-formed multipart.") from error
        pieces, self._pieces = self._pieces, []
        return pieces

    def finish(self) -> None:
        """Check the end of the body. Raises AppError(INVALID_REQUEST) if the form is incomplete."""
        if not self._ended:
            raise _malformed("The body ended before the form did.")
        if not self._file_seen:
            raise _missing_file()

    def _count(self, size: int) -> None:
        # Only bytes outside the file are counted here; AcceptRecording counts those of the file.
        if self._in_file:
            return
        self._outside_bytes += size
        limit = TRAILER_BYTES_MAX + PREAMBLE_BYTES_MAX if self._file_seen else PREAMBLE_BYTES_MAX
        # A chunk may end with the file's first bytes, which cannot be told apart before it is parsed.
        if self._outside_bytes > limit + size:
            raise AppError(PAYLOAD_TOO_LARGE, f"The fields of the form are larger than {PREAMBLE_BYTES_MAX} bytes.")

    def _on_part_begin(self) -> None:
        if self._file_seen:
            # Whose recording it is must be known before the first byte of it is taken in.
            raise AppError(FIELDS_AFTER_FILE, FIELDS_AFTER_FILE.doc)
        self._fields += 1
        if self._fields > FIELDS_MAX:
            raise _malformed(f"There are more than {FIELDS_MAX} parts.")
        self._headers = {}

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def _on_header_end(self) -> None:
        name, value = self._header
        self._headers[bytes(name).lower()] = bytes(value)
        self._header = (bytearray(), bytearray())

    def _on_headers_finished(self) -> None:
        kind, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name")
        if kind != b"form-data" or name is None:
            raise _malformed("A part has no field name.")
        if name == FILE_PART.encode():
            self._file_seen = self._in_file = True
            self._pieces.append(FileBegins())
            return
        self._field = _text(name)
        self._value = bytearray()

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._pieces.append(FileBytes(data[start:end]))
            return
        self._value.extend(data[start:end])
        if len(self._value) > FIELD_BYTES_MAX:
            raise AppError(PAYLOAD_TOO_LARGE, f"A field of the form is larger than {FIELD_BYTES_MAX} bytes.")

    def _on_part_end(self) -> None:
        if self._in_file:
            self._in_file = False
            self._pieces.append(FileEnds())
        elif self._field is not None:
            self._pieces.append(FieldRead(self._field, _text(bytes(self._value))))
            self._field = None

    def _on_end(self) -> None:
        self._ended = True


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise AppError(UNSUPPORTED_MEDIA_TYPE, "Send the recording as multipart/form-data.")
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= BOUNDARY_CHARS_MAX:
        raise _malformed("The Content-Type has no valid boundary.")
    return boundary


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed("A field is not UTF-8 text.") from error


def _malformed(detail: str) -> AppError:
    return AppError(INVALID_REQUEST, detail)


def _missing_file() -> AppError:
    fault = FieldError(f"/body/{FILE_PART}", "Field required")
    return AppError(INVALID_REQUEST, "The form has no part named `file`.", errors=[fault])
