"""Answers that come while the caller is still sending.

Closing at once makes the kernel throw the answer away together with the unread body (RST), and reading on would take
in all of what was refused. So: answer, stop reading, give the answer time to arrive, and then close.
"""

import asyncio

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

LINGER_S = 0.5


class Lingering(Response):
    """Another response, after which the connection is closed without reading what the caller still sends."""

    def __init__(self, response: Response) -> None:
        super().__init__(bytes(response.body), response.status_code)
        self.raw_headers = [*response.raw_headers, (b"connection", b"close")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send all of it, wait, and only then say that it is complete, upon which the server closes."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        await asyncio.sleep(LINGER_S)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
