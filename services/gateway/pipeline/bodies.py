"""A JSON body as it may come in: within its size and its time, and in UTF-8."""

import asyncio
from codecs import BOM_UTF8

from starlette.requests import Request
from starlette.types import Message

from libs.common.errors import INVALID_REQUEST, PAYLOAD_TOO_LARGE, REQUEST_TIMEOUT, AppError, FieldError

JSON_BYTES_MAX = 512 * 1024
JSON_WITHIN_S = 30.0


def bounded(request: Request, within_s: float = JSON_WITHIN_S) -> Request:
    """Return the request with a body that stops at a limit of bytes and of seconds."""
    receive = request.receive
    left, ends_at = JSON_BYTES_MAX, asyncio.get_running_loop().time() + within_s
    has_ended = False

    async def within() -> Message:
        nonlocal left, has_ended
        if has_ended:  # whoever listens now waits for the caller to go away
            return await receive()
        try:
            async with asyncio.timeout_at(ends_at):
                message = await receive()
        except TimeoutError as error:
            raise AppError(
                REQUEST_TIMEOUT, f"The request body was not received within {within_s:.0f} seconds."
            ) from error
        left -= len(message.get("body", b""))
        has_ended = not message.get("more_body", False)
        if left < 0:
            raise AppError(PAYLOAD_TOO_LARGE, f"The body exceeds the limit of {JSON_BYTES_MAX} bytes.")
        return message

    return Request(request.scope, within)


async def read(request: Request) -> None:
    """Read the body whole; raise AppError(INVALID_REQUEST) unless its text is UTF-8 (RFC 8259, section 8.1)."""
    body = await request.body()
    # A NUL cannot stand in JSON; it is how UTF-16 and UTF-32 look, which Python's reader would take.
    if body.startswith(BOM_UTF8) or b"\0" in body or not _is_utf8(body):
        fault = FieldError("/body", "It must be JSON in UTF-8, without a byte order mark.")
        raise AppError(INVALID_REQUEST, "The body cannot be read.", errors=[fault])


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
