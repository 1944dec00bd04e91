"""An HTTP transport that stops reading an answer at a limit, so that no vendor can fill our memory."""

from collections.abc import AsyncIterator
from typing import cast

import httpx

IDENTITY = {"Accept-Encoding": "identity"}
"""What a client of this transport asks for: how large a compressed answer is would be known when it is too late."""


class AnswerTooLargeError(Exception):
    """The answer is larger than the limit, or compressed although that was not asked for."""


class CappedTransport(httpx.AsyncBaseTransport):
    """Raises AnswerTooLargeError where an answer goes beyond `bytes_max`."""

    def __init__(self, bytes_max: int) -> None:
        self._inner = httpx.AsyncHTTPTransport()
        self._bytes_max = bytes_max

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the answer's body is counted as it is read."""
        answer = await self._inner.handle_async_request(request)
        body = cast(httpx.AsyncByteStream, answer.stream)
        if answer.headers.get("content-encoding", "identity") != "identity":
            await body.aclose()
            raise AnswerTooLargeError
        answer.stream = _Counted(body, self._bytes_max)
        return answer

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()


class _Counted(httpx.AsyncByteStream):
    def __init__(self, body: httpx.AsyncByteStream, bytes_max: int) -> None:
        self._body = body
        self._left = bytes_max

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._body:
            self._left -= len(piece)
            if self._left < 0:
                raise AnswerTooLargeError
            yield piece

    async def aclose(self) -> None:
        await self._body.aclose()
