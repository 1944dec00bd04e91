"""Responses that are sent while the caller is still sending its body.

Closing at once makes the kernel throw the answer away together with the unread body (RST), and many clients read only
after they have sent everything. So: answer, then read and throw away for a while (as nginx does), then close.
A client that listens while it sends has its answer before and stops by itself.
"""

import asyncio
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Receive, Scope, Send


@dataclass(frozen=True)
class Patience:
    """How long remaining bytes are discarded: `all_s` in total, `silence_s` without a byte."""

    all_s: float = 30.0
    silence_s: float = 5.0


class DrainingResponse(Response):
    """Another response, sent before the body was read; the connection is closed after it."""

    def __init__(self, response: Response, patience: Patience | None = None) -> None:
        super().__init__(bytes(response.body), response.status_code)
        self.raw_headers = [*response.raw_headers, (b"connection", b"close")]
        self._patience = patience or Patience()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send all of it, throw away what still comes, and only then end the exchange, upon which the server closes."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        await self._discard(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _discard(self, receive: Receive) -> None:
        try:
            async with asyncio.timeout(self._patience.all_s):
                while True:
                    async with asyncio.timeout(self._patience.silence_s):
                        message = await receive()
                    if message["type"] == "http.disconnect" or not message.get("more_body", False):
                        return
        except TimeoutError:
            return
