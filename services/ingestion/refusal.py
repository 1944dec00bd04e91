"""The refusal of an upload whose sender is still sending.

Closing at once would make the kernel throw the answer away together with the unread body (RST). So the answer is sent
whole, then what still comes is thrown away unread for a moment, until the sender has heard and hangs up.
"""

import asyncio
from contextlib import suppress

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

LINGER_S = 3.0


class Refusal(Response):
    """Another response, after which the connection closes."""

    def __init__(self, response: Response) -> None:
        super().__init__(bytes(response.body), response.status_code)
        self.raw_headers = [*response.raw_headers, (b"connection", b"close")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer, linger, and only then say that the answer is complete, upon which the server closes."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while _more_comes(await receive()):
                    pass
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _more_comes(message: Message) -> bool:
    return message["type"] == "http.request" and bool(message.get("more_body"))
