"""A parser as a walk: it asks for some bytes or skips some, and is driven by whatever chunks arrive."""

import struct
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

from libs.common.errors import UNSUPPORTED_MEDIA_TYPE, AppError

READ_BYTES_MAX = 64 * 1024
SCAN_REST_MAX = 64
TO_THE_END = 1 << 62


@dataclass(frozen=True)
class Read:
    """Ask for exactly `size` bytes."""

    size: int


@dataclass(frozen=True)
class Skip:
    """Pass over `size` bytes."""

    size: int


@dataclass(frozen=True)
class Scan:
    """Look at bytes in bulk as they come, which is many times faster than asking for each few.

    `take` is given all that is in hand and returns how many bytes it is done with (more than there are: the rest is
    passed over as it comes) and whether it has seen enough. It must leave no more than a few bytes.
    """

    take: Callable[[bytes], tuple[int, bool]]


class FileEnded(Exception):  # noqa: N818 - an end is not an error
    """Thrown into a walk when the file ends at `position`, `into` bytes after the start of what was asked for.

    `inside` tells whether that cut something off: a skip that did not end, or a read that had begun.
    """

    def __init__(self, position: int, into: int, inside: bool) -> None:
        super().__init__(position)
        self.position = position
        self.into = into
        self.inside = inside


T = TypeVar("T")
Steps = Generator[Read | Skip | Scan, bytes, T]
Walk = Steps[float | None]


@dataclass(frozen=True)
class Box:
    """The head of an MP4 box: its type, the bytes inside, and those of the head itself."""

    kind: bytes
    size: int
    head: int


def read_box() -> Steps[Box]:
    """Read the head of a box; its size is TO_THE_END when it goes on to the end of the file."""
    size, kind = struct.unpack(">I4s", (yield Read(8)))
    head = 8
    if size == 1:
        try:
            size = int.from_bytes((yield Read(8)), "big")
        except FileEnded as end:
            raise broken("it is cut off") from end
        head = 16
    if size == 0:
        return Box(kind, TO_THE_END, head)
    if size < head or size >= TO_THE_END or not kind.isascii():
        raise broken("a box has an impossible size")
    return Box(kind, size - head, head)


class Walker:
    """Drives a walk over chunks. Keeps at most READ_BYTES_MAX bytes."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._position = 0
        self._kept = bytearray()
        self._duration_s: float | None = None
        self._finished = False
        self._wanted: Read | Skip | Scan = next(walk)
        self._skipped = 0
        self._owed = 0
        self._seen_enough = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes; raises AppError(UNSUPPORTED_MEDIA_TYPE) as soon as they cannot be a recording."""
        view = memoryview(chunk)
        while view and not self._finished:
            if isinstance(self._wanted, Scan):
                view = self._scan(self._wanted, view)
            else:
                view = view[self._take(view, self._wanted) :]
                self._answer(self._wanted)

    def finish(self) -> float | None:
        """Say that the file ended; return its duration in seconds where the container tells it."""
        if not self._finished:
            into = self._skipped if isinstance(self._wanted, Skip) else len(self._kept)
            inside = isinstance(self._wanted, Skip) or into > 0 or self._owed > 0
            try:
                self._walk.throw(FileEnded(self._position, into, inside))
            except StopIteration as stop:
                ended: float | None = stop.value
                return ended
            except FileEnded as error:
                raise broken("it ends too early") from error
            raise broken("it ends too early")
        return self._duration_s

    def _scan(self, scan: Scan, view: memoryview) -> memoryview:
        """Hand over what came, unless it is owed; return what the scan did not want."""
        if self._owed:
            size = min(self._owed, len(view))
            self._owed -= size
            self._position += size
            self._end_scan()
            return view[size:]
        data = bytes(self._kept) + view
        used, self._seen_enough = scan.take(data)
        rest = data[used:]
        self._owed = max(0, used - len(data))
        self._position += len(view) - (len(rest) if self._seen_enough else 0)
        self._kept[:] = b"" if self._seen_enough else rest
        if len(self._kept) > SCAN_REST_MAX:
            raise broken("a part of its header is too large")
        over = self._seen_enough
        self._end_scan()
        return memoryview(rest if over else b"")

    def _end_scan(self) -> None:
        """Go on once a scan has seen enough and what it passes over has come."""
        if self._seen_enough and not self._owed:
            self._seen_enough = False
            self._go_on(b"")

    def _take(self, view: memoryview, wanted: Read | Skip) -> int:
        done = self._skipped if isinstance(wanted, Skip) else len(self._kept)
        size = min(len(view), wanted.size - done)
        if isinstance(wanted, Skip):
            self._skipped += size
        else:
            self._kept += view[:size]
        self._position += size
        return size

    def _answer(self, wanted: Read | Skip | Scan) -> None:
        while not self._finished and not isinstance(wanted, Scan):
            done = self._skipped if isinstance(wanted, Skip) else len(self._kept)
            if done < wanted.size:
                return
            data = bytes(self._kept)
            self._kept.clear()
            self._skipped = 0
            wanted = self._go_on(data)

    def _go_on(self, data: bytes) -> Read | Skip | Scan:
        """Give the walk what it asked for and take its next wish."""
        try:
            self._wanted = self._walk.send(data)
        except StopIteration as stop:
            self._finished = True
            self._duration_s = stop.value
        if isinstance(self._wanted, Read) and self._wanted.size > READ_BYTES_MAX:
            raise broken("a part of its header is too large")
        if isinstance(self._wanted, Read | Skip) and not self._wanted.size and not self._finished:
            return self._go_on(b"")
        return self._wanted


def broken(why: str) -> AppError:
    """Return the problem of a file that is not a whole recording; `why` continues "because"."""
    return AppError(UNSUPPORTED_MEDIA_TYPE, f"The file is not a recording that can be read: {why}.")
