"""Incremental parsing: a parser is a generator that requests bytes, and is fed chunks of any size."""

import struct
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

from libs.common.errors import UNSUPPORTED_MEDIA_TYPE, AppError

READ_BYTES_MAX = 64 * 1024
SCAN_REST_MAX = 64
# Sizes from here on are refused as impossible, so this never is a real size.
UNTIL_EOF = 1 << 62


@dataclass(frozen=True)
class Read:
    """Requests exactly `size` bytes."""

    size: int


@dataclass(frozen=True)
class Skip:
    """Skips `size` bytes."""

    size: int


@dataclass(frozen=True)
class Scan:
    """Hands over bytes in bulk as they arrive, which is many times faster than small reads.

    `take` receives all buffered bytes and returns the number consumed (if more than buffered, the rest is skipped on
    arrival) and whether the scan is done. It must leave at most SCAN_REST_MAX bytes.
    """

    take: Callable[[bytes], tuple[int, bool]]


class FileEnded(Exception):  # noqa: N818 - an end is not an error
    """Thrown into a parser at end of file: at `position`, `into` bytes after the start of the current request.

    `inside`: the end is within a skip or a read that had begun, so the file is truncated.
    """

    def __init__(self, position: int, into: int, inside: bool) -> None:
        super().__init__(position)
        self.position = position
        self.into = into
        self.inside = inside


T = TypeVar("T")
Steps = Generator[Read | Skip | Scan, bytes, T]
Parser = Steps[float | None]


@dataclass(frozen=True)
class Box:
    """An MP4 box header: type, payload size and header size in bytes."""

    kind: bytes
    size: int
    head: int


def read_box() -> Steps[Box]:
    """Read a box header; the size is UNTIL_EOF if the box extends to the end of the file."""
    size, kind = struct.unpack(">I4s", (yield Read(8)))
    head = 8
    # ISO 14496-12, section 4.2: 1 says that a size of 8 bytes follows, 0 that the box goes on to the end.
    if size == 1:
        try:
            size = int.from_bytes((yield Read(8)), "big")
        except FileEnded as end:
            raise broken("it is truncated") from end
        head = 16
    if size == 0:
        return Box(kind, UNTIL_EOF, head)
    if size < head or size >= UNTIL_EOF or not kind.isascii():
        raise broken("a box has an impossible size")
    return Box(kind, size - head, head)


class IncrementalParser:
    """Feeds chunks to a parser. Buffers at most READ_BYTES_MAX bytes."""

    def __init__(self, parser: Parser) -> None:
        self._parser = parser
        self._position = 0
        self._buffer = bytearray()
        self._duration_s: float | None = None
        self._finished = False
        self._request: Read | Skip | Scan = next(parser)
        self._skipped = 0
        self._to_skip = 0
        self._scan_done = False

    def feed(self, chunk: bytes) -> None:
        """Parse the next bytes. Raises AppError(UNSUPPORTED_MEDIA_TYPE) once they cannot be a recording."""
        view = memoryview(chunk)
        while view and not self._finished:
            if isinstance(self._request, Scan):
                view = self._scan(self._request, view)
            else:
                view = view[self._consume(view, self._request) :]
                self._answer(self._request)

    def finish(self) -> float | None:
        """Check the end of the file; return its duration in seconds if the container has one."""
        if not self._finished:
            into = self._skipped if isinstance(self._request, Skip) else len(self._buffer)
            inside = isinstance(self._request, Skip) or into > 0 or self._to_skip > 0
            try:
                # Only the parser knows whether the end is in a right place: some containers end anywhere between
                # boxes.
                self._parser.throw(FileEnded(self._position, into, inside))
            except StopIteration as stop:
                ended: float | None = stop.value
                return ended
            except FileEnded as error:
                raise broken("it ends too early") from error
            # The parser swallowed the end of file and requested more bytes.
            raise broken("it ends too early")
        return self._duration_s

    def _scan(self, scan: Scan, view: memoryview) -> memoryview:
        """Pass the buffered bytes to the scan, after any pending skip; return the bytes it did not consume."""
        if self._to_skip:
            size = min(self._to_skip, len(view))
            self._to_skip -= size
            self._position += size
            self._end_scan()
            return view[size:]
        data = bytes(self._buffer) + view
        used, self._scan_done = scan.take(data)
        rest = data[used:]
        self._to_skip = max(0, used - len(data))
        self._position += len(view) - (len(rest) if self._scan_done else 0)
        self._buffer[:] = b"" if self._scan_done else rest
        if len(self._buffer) > SCAN_REST_MAX:
            raise broken("a part of its header is too large")
        over = self._scan_done
        self._end_scan()
        return memoryview(rest if over else b"")

    def _end_scan(self) -> None:
        """Resume the parser once the scan is done and its pending skip has arrived."""
        if self._scan_done and not self._to_skip:
            self._scan_done = False
            self._resume(b"")

    def _consume(self, view: memoryview, request: Read | Skip) -> int:
        done = self._skipped if isinstance(request, Skip) else len(self._buffer)
        size = min(len(view), request.size - done)
        if isinstance(request, Skip):
            self._skipped += size
        else:
            self._buffer += view[:size]
        self._position += size
        return size

    def _answer(self, request: Read | Skip | Scan) -> None:
        while not self._finished and not isinstance(request, Scan):
            done = self._skipped if isinstance(request, Skip) else len(self._buffer)
            if done < request.size:
                return
            data = bytes(self._buffer)
            self._buffer.clear()
            self._skipped = 0
            request = self._resume(data)

    def _resume(self, data: bytes) -> Read | Skip | Scan:
        """Send the parser the requested bytes and take its next request."""
        try:
            self._request = self._parser.send(data)
        except StopIteration as stop:
            self._finished = True
            self._duration_s = stop.value
        # Sizes are what the file claims: without the limit it could make us buffer all of it.
        if isinstance(self._request, Read) and self._request.size > READ_BYTES_MAX:
            raise broken("a part of its header is too large")
        # An empty box is no bytes: nothing would arrive to answer the request with.
        if isinstance(self._request, Read | Skip) and not self._request.size and not self._finished:
            return self._resume(b"")
        return self._request


def broken(why: str) -> AppError:
    """Return the error for a file that is not a complete recording; `why` completes "because"."""
    return AppError(UNSUPPORTED_MEDIA_TYPE, f"The file is not a readable recording: {why}.")
