"""A bounded pipe from the event loop to a thread, for libraries that only read from files.

The writer waits without blocking the loop; the reader blocks its thread and never the loop.
"""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

PIPE_BYTES_MAX = 8 * 1024 * 1024

T = TypeVar("T")


class BrokenPipeToThreadError(OSError):
    """The writing side gave up; the thread that reads must give up too."""


class BytePipe:
    """Bytes written by coroutines and read by one thread; holds about `limit` bytes at most."""

    def __init__(self, limit: int = PIPE_BYTES_MAX) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit = limit
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._broken = False
        self._reader_left = False
        self._filled = threading.Condition()
        self._space = asyncio.Event()
        self.closed = False

    async def write(self, chunk: bytes) -> None:
        """Add a chunk; wait while the pipe is full. Raises BrokenPipeToThreadError when the reader has left."""
        while self._size >= self._limit and not self._reader_left:
            self._space.clear()
            # Looked at again after clearing: the thread may have made room in between.
            if self._size >= self._limit and not self._reader_left:
                await self._space.wait()
        if self._reader_left:
            raise BrokenPipeToThreadError("the reader has left")
        with self._filled:
            self._chunks.append(chunk)
            self._size += len(chunk)
            self._filled.notify()

    def end(self, *, broken: bool = False) -> None:
        """Signal the end of the bytes; with `broken` the reader fails instead of seeing an end."""
        with self._filled:
            self._ended = True
            self._broken = self._broken or broken
            self._filled.notify()

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, fewer only at the end (in the reader's thread)."""
        parts: list[bytes] = []
        missing = size if size >= 0 else float("inf")
        while missing > 0:
            part = self._take(missing)
            if not part:
                break
            parts.append(part)
            missing -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def leave(self) -> None:
        """Signal that reading has ended, so that a waiting writer fails (in the reader's thread)."""
        self._reader_left = True
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self._space.set)

    def readable(self) -> bool:
        """Tell libraries that this can be read."""
        return True

    def close(self) -> None:
        """Do what a file does when its reader closes it."""
        self.closed = True

    def _take(self, most: float) -> bytes:
        with self._filled:
            self._filled.wait_for(lambda: self._chunks or self._ended)
            if self._broken:
                raise BrokenPipeToThreadError("the writer gave up")
            if not self._chunks:
                return b""
            chunk = self._chunks.popleft()
            if len(chunk) > most:
                self._chunks.appendleft(chunk[int(most) :])
                chunk = chunk[: int(most)]
            self._size -= len(chunk)
        self._loop.call_soon_threadsafe(self._space.set)
        return chunk


async def feed_thread(chunks: AsyncIterator[bytes], read_all: Callable[[BytePipe], T]) -> T:
    """Run `read_all` in a thread of its own on what `chunks` yields, and return its result.

    An error of either side ends the other and is raised here; when this is cancelled, the thread sees a broken pipe
    and is waited for, so that what it cleans up is cleaned up on return.
    """
    pipe = BytePipe()
    with ThreadPoolExecutor(1, "byte-pipe") as threads:
        reading = asyncio.get_running_loop().run_in_executor(threads, _read_and_leave, pipe, read_all)
        try:
            async for chunk in chunks:
                await pipe.write(chunk)
            pipe.end()
            # Shielded: cancelled here, it is told below and waited for, so that no thread is left behind.
            return await asyncio.shield(reading)
        except BrokenPipeToThreadError:
            return await reading
        except BaseException:
            pipe.end(broken=True)
            await _settled(reading)
            raise


def _read_and_leave(pipe: BytePipe, read_all: Callable[[BytePipe], T]) -> T:
    try:
        return read_all(pipe)
    finally:
        pipe.leave()


async def _settled(reading: "asyncio.Future[T]") -> None:
    await asyncio.wait([reading])
    if not reading.cancelled():
        reading.exception()
