"""Sends a body of any size while listening for the answer, which may come before the body has been sent.

A usual client sends all of its body before it reads; half a gigabyte that is refused in its first bytes would be read
to the end. This one speaks HTTP/1.1 (h11) on one connection per upload and stops the moment the peer has answered.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11

from libs.common.errors import UNAVAILABLE, AppError

CONNECT_TIMEOUT_S = 3.0
READ_BYTES = 64 * 1024
WRITE_BUFFER_BYTES = 64 * 1024
ANSWER_BYTES_MAX = 1024 * 1024
# Fields come before the file, so the peer can decide on the first bytes: it gets a moment before it gets more.
FIRST_BYTES = 32 * 1024
FIRST_ANSWER_S = 0.25
RETRY_AFTER_S = 2.0


@dataclass(frozen=True)
class Head:
    """The first part of a request; header names are lower case."""

    url: str
    headers: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answered:
    """The whole answer, and whether the body had been sent to its end by then."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole_body_sent: bool


async def post(head: Head, body: AsyncIterator[bytes], timeout_s: float) -> Answered:
    """Send with back-pressure; `timeout_s` bounds the wait for the answer once the body is sent.

    Raises AppError(UNAVAILABLE), and whatever `body` raises: then the connection is cut, which the peer notices.
    """
    url = urlsplit(head.url)
    host, port = url.hostname or "", url.port or 80
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as error:
        raise _down("A service behind this one is not answering.") from error
    # Small, so that little was sent for nothing when the peer refuses the first bytes.
    writer.transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
    try:
        exchange = _Exchange(reader, writer)
        await exchange.begin(f"{url.path}", [("host", f"{host}:{port}"), *head.headers])
        return await exchange.finish(body, timeout_s)
    except (OSError, h11.ProtocolError) as error:
        raise _down("A service behind this one broke off.") from error
    finally:
        # Also on success: a peer that answered early must not wait for the rest.
        writer.transport.abort()


class _Exchange:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)
        self._sent_whole = False

    async def begin(self, path: str, headers: Sequence[tuple[str, str]]) -> None:
        await self._write(h11.Request(method="POST", target=path, headers=list(headers)))

    async def finish(self, body: AsyncIterator[bytes], timeout_s: float) -> Answered:
        answering = asyncio.create_task(self._read_answer())
        sending = asyncio.create_task(self._send(body, answering))
        try:
            await asyncio.wait({answering, sending}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and not answering.done():
                self._raise_unless_cut_off(sending)
                await asyncio.wait({answering}, timeout=timeout_s)
            if not answering.done():
                raise _down("A service behind this one took too long to answer.")
            return answering.result()
        finally:
            for task in (answering, sending):
                task.cancel()
            await asyncio.gather(answering, sending, return_exceptions=True)

    def _raise_unless_cut_off(self, sending: "asyncio.Task[None]") -> None:
        # A peer that answers early may close at once; then writing fails and the answer is still to be read.
        error = sending.exception()
        if error is not None and not isinstance(error, OSError):
            raise error

    async def _send(self, body: AsyncIterator[bytes], answering: "asyncio.Task[Answered]") -> None:
        sent = 0
        async for piece in _cut(body, FIRST_BYTES):
            if sent == FIRST_BYTES:
                await asyncio.wait({answering}, timeout=FIRST_ANSWER_S)
            await self._write(h11.Data(data=piece))
            sent += len(piece)
        self._sent_whole = True
        await self._write(h11.EndOfMessage())

    async def _write(self, event: h11.Request | h11.Data | h11.EndOfMessage) -> None:
        data = self._http.send(event)
        if data:
            self._writer.write(data)
            await self._writer.drain()

    async def _read_answer(self) -> Answered:
        status, headers, body = 0, {}, bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(READ_BYTES))
            elif isinstance(event, h11.Response):
                status = event.status_code
                headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
            elif isinstance(event, h11.Data):
                body += event.data
                # Answers to uploads are a few lines; a peer that sends more is not itself.
                if len(body) > ANSWER_BYTES_MAX:
                    raise _down("A service behind this one answered too much.")
            elif isinstance(event, h11.EndOfMessage):
                return Answered(status, headers, bytes(body), self._sent_whole)
            elif isinstance(event, h11.ConnectionClosed):
                raise _down("A service behind this one broke off.")


async def _cut(body: AsyncIterator[bytes], mark: int) -> AsyncIterator[bytes]:
    """Yield the same bytes with a cut after the first `mark` of them."""
    left = mark
    async for piece in body:
        if 0 < left < len(piece):
            yield piece[:left]
            yield piece[left:]
        else:
            yield piece
        left -= min(left, len(piece))


def _down(detail: str) -> AppError:
    return AppError(UNAVAILABLE, detail, retry_after_s=RETRY_AFTER_S)
