"""A parser as a walk: it asks for some bytes or skips some, and is driven by whatever chunks arrive."""

import struct
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

from libs.common.errors import UNSUPPORTED_MEDIA_TYPE, AppError

READ_BYTES_MAX = 64 * 1024
TO_THE_END = 1 << 62


@dataclass(frozen=True)
class Read:
    """Ask for exactly `size` bytes."""

    size: int


@dataclass(frozen=True)
class Skip:
    """Pass over `size` bytes."""

    size: int


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
Steps = Generator[Read | Skip, bytes, T]
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
        self._wanted: Read | Skip = next(walk)
        self._skipped = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes; raises AppError(UNSUPPORTED_MEDIA_TYPE) as soon as they cannot be a recording."""
        view = memoryview(chunk)
        while view and not self._finished:
            view = view[self._take(view) :]
            self._answer()

    def finish(self) -> float | None:
        """Say that the file ended; return its duration in seconds where the container tells it."""
        if not self._finished:
            skipping = isinstance(self._wanted, Skip)
            into = self._skipped if skipping else len(self._kept)
            try:
                self._walk.throw(FileEnded(self._position, into, skipping or into > 0))
            except StopIteration as stop:
                ended: float | None = stop.value
                return ended
            except FileEnded as error:
                raise broken("it ends too early") from error
            raise broken("it ends too early")
        return self._duration_s

    def _take(self, view: memoryview) -> int:
        done = self._skipped if isinstance(self._wanted, Skip) else len(self._kept)
        size = min(len(view), self._wanted.size - done)
        if isinstance(self._wanted, Skip):
            self._skipped += size
        else:
            self._kept += view[:size]
        self._position += size
        return size

    def _answer(self) -> None:
        while not self._finished and self._satisfied():
            data = bytes(self._kept)
            self._kept.clear()
            self._skipped = 0
            try:
                self._wanted = self._walk.send(data)
            except StopIteration as stop:
                self._finished = True
                self._duration_s = stop.value
                return
            if isinstance(self._wanted, Read) and self._wanted.size > READ_BYTES_MAX:
                raise broken("a part of its header is too large")

    def _satisfied(self) -> bool:
        done = self._skipped if isinstance(self._wanted, Skip) else len(self._kept)
        return done >= self._wanted.size


def broken(why: str) -> AppError:
    """Return the problem of a file that is not a whole recording; `why` continues "because"."""
    return AppError(UNSUPPORTED_MEDIA_TYPE, f"The file is not a recording that can be read: {why}.")
