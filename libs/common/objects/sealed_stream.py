"""Objects encrypted as they flow, so that no plaintext rests anywhere and no size needs memory.

Tink Streaming AEAD, AES256_GCM_HKDF_1MB: every 1 MiB segment is authenticated in its place and the last one says so;
a cut, swapped or flipped stream and one under another context are all refused.
"""

import asyncio
import io
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import BinaryIO, Protocol, TypeVar, cast

import tink
from tink import secret_key_access, streaming_aead

from libs.common.errors import UPSTREAM_REFUSED, AppError
from libs.common.objects.byte_pipe import BrokenPipeToThreadError, BytePipe

SEGMENT_BYTES = 1024 * 1024

_HEADER_BYTES = 40
"""The length byte, a salt as long as the key, a nonce prefix of 7: what every stream of this kind begins with."""

T = TypeVar("T")


class TamperedError(AppError):
    """A sealed stream is not what was sealed under this key and context, or it was cut."""

    def __init__(self) -> None:
        super().__init__(UPSTREAM_REFUSED, "A stored object is damaged or was changed. An operator must look.")


def new_keyset() -> bytes:
    """Return a fresh key for one stream, as a serialized Tink keyset. Secret: wrap it before it is stored."""
    _register()
    handle = tink.new_keyset_handle(streaming_aead.streaming_aead_key_templates.AES256_GCM_HKDF_1MB)
    return bytes(tink.proto_keyset_format.serialize(handle, secret_key_access.TOKEN))


def looks_sealed(head: bytes) -> bool:
    """Tell whether bytes may be the beginning of a sealed stream: no plaintext format begins like one."""
    return len(head) > _HEADER_BYTES and head[0] == _HEADER_BYTES


async def seal(keyset: bytes, context: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Encrypt what flows by. `context` is authenticated, not stored: opening needs the same."""
    sealer = Sealer(keyset, context)
    waiting: list[bytes] = []
    size = 0
    async for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        # Whole segments at a time: a thread for each small chunk would cost more than the encryption.
        if size >= SEGMENT_BYTES:
            sealed = await asyncio.to_thread(sealer.update, b"".join(waiting))
            waiting, size = [], 0
            if sealed:
                yield sealed
    yield await asyncio.to_thread(sealer.finish, b"".join(waiting))


async def unseal(keyset: bytes, context: bytes, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Decrypt what flows by. Raises TamperedError; bytes yielded before were authentic, only the end may be missing."""
    pipe = BytePipe()
    pump = asyncio.create_task(_fill(pipe, chunks))
    # One thread of its own: it blocks while the source is slow, and would starve the shared pool.
    threads = ThreadPoolExecutor(1, "unseal")
    in_thread = asyncio.get_running_loop().run_in_executor
    try:
        reader = await in_thread(threads, _reader, keyset, context, pipe)
        while plain := await in_thread(threads, _refusing_tampering, lambda: reader.read(SEGMENT_BYTES)):
            yield plain
        await in_thread(threads, _refusing_more, pipe)
        await pump
    except TamperedError:
        if pump.done():
            pump.result()  # the source's own error says more than the cut it caused
        raise
    finally:
        pump.cancel()
        # Whoever stops reading early leaves a thread in `read`; this wakes it, so that it ends.
        pipe.end(broken=True)
        threads.shutdown(wait=False)
        with suppress(asyncio.CancelledError):
            await asyncio.wait([pump])


def unseal_sync(keyset: bytes, context: bytes, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decrypt in the calling thread, for child processes and tools."""
    source = io.BufferedReader(_Chunks(iter(chunks)), SEGMENT_BYTES)
    reader = _reader(keyset, context, source)
    while plain := _refusing_tampering(lambda: reader.read(SEGMENT_BYTES)):
        yield plain
    _refusing_more(source)


class Sealer:
    """Encrypts piece by piece in the calling thread."""

    def __init__(self, keyset: bytes, context: bytes) -> None:
        self._sink = _Sink()
        self._stream = _primitive(keyset).new_encrypting_stream(self._sink, context)

    def update(self, piece: bytes) -> bytes:
        """Take plaintext and return the ciphertext that is complete."""
        self._stream.write(piece)
        return self._sink.taken()

    def finish(self, piece: bytes = b"") -> bytes:
        """Take the last plaintext and return the rest, which marks the end."""
        self._stream.write(piece)
        self._stream.close()
        return self._sink.taken()


class _Sink(io.RawIOBase):
    """Where Tink writes ciphertext until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(cast("bytes", data))
        self._parts.append(part)
        return len(part)

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


class _Chunks(io.RawIOBase):
    """An iterator of chunks as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = cast("memoryview", buffer)
        while not self._rest:
            following = next(self._chunks, None)
            if following is None:
                return 0
            self._rest = following
        part, self._rest = self._rest[: len(view)], self._rest[len(view) :]
        view[: len(part)] = part
        return len(part)


async def _fill(pipe: BytePipe, chunks: AsyncIterator[bytes]) -> None:
    broken = True
    try:
        async for chunk in chunks:
            await pipe.write(chunk)
        broken = False
    finally:
        pipe.end(broken=broken)


def _reader(keyset: bytes, context: bytes, source: object) -> BinaryIO:
    return _refusing_tampering(lambda: cast("BinaryIO", _primitive(keyset).new_decrypting_stream(source, context)))


def _refusing_more(source: "_Readable") -> None:
    """Refuse what follows the end: after a last segment that is full, Tink does not look whether anything does."""
    if _refusing_tampering(lambda: source.read(1)):
        raise TamperedError


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes."""


def _refusing_tampering(read: Callable[[], T]) -> T:
    try:
        return read()
    except (tink.TinkError, BrokenPipeToThreadError) as error:
        raise TamperedError from error


def _primitive(keyset: bytes) -> streaming_aead.StreamingAead:
    _register()
    try:
        handle = tink.proto_keyset_format.parse(keyset, secret_key_access.TOKEN)
    except tink.TinkError as error:
        raise TamperedError from error
    return handle.primitive(streaming_aead.StreamingAead)


@cache
def _register() -> None:
    streaming_aead.register()
