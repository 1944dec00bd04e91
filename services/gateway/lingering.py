"""Answers that come while the caller is still sending.

Closing at once makes the kernel throw the answer away together with the unread body (RST), and many clients read only
after they have sent everything. So: answer, then read and throw away for a while (as nginx does), then close.
A client that listens while it sends has its answer before and stops by itself.
"""

import asyncio

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

LINGER_S = 30.0
SILENCE_S = 5.0


class Lingering(Response):
    """Another response, sent before the body was read; the connection is closed after it."""

    def __init__(self, response: Response) -> None:
        super().__init__(bytes(response.body), response.status_code)
        self.raw_headers = [*response.raw_headers, (b"connection", b"close")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send all of it, throw away what still comes, and only then end the exchange, upon which the server closes."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        await _discard(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _discard(receive: Receive) -> None:
    try:
        async with asyncio.timeout(LINGER_S):
            while True:
                async with asyncio.timeout(SILENCE_S):
                    message = await receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return
