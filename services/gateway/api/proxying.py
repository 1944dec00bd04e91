"""Answers of the services behind, passed on with the headers that mean something to a caller."""

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import httpx
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from libs.common.errors import AppError

# An allow-list: what a service behind adds later stays inside until somebody wants it outside.
_PASSED = ("content-type", "etag", "location", "retry-after", "content-disposition", "ratelimit-policy", "ratelimit")
EVENTS = "text/event-stream"
_BROKEN_OFF = b'event: error\ndata: {"type":"/problems/upstream-failed","status":502}\n\n'


def as_json(answer: httpx.Response, headers: Mapping[str, str] | None = None) -> Response:
    """Return a whole answer as it came."""
    return Response(answer.content, answer.status_code, _headers(answer) | dict(headers or {}))


def as_stream(answer: httpx.Response, body: AsyncIterator[bytes]) -> Response:
    """Return an answer piece by piece as it comes; one that breaks off ends with an `error` event."""
    # nginx would collect events until its buffer is full.
    headers = _headers(answer) | {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_until_broken(body), answer.status_code, headers)


def accepted_of(request: Request) -> dict[str, str]:
    """Return the header by which a caller chooses the form of an answer."""
    return {"accept": request.headers.get("accept", "*/*")}


def params_of(query: BaseModel) -> dict[str, Any]:
    """Return the parameters that were sent, in the form they travel in."""
    return query.model_dump(mode="json", exclude_none=True)


async def _until_broken(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for piece in body:
            yield piece
    except AppError:
        # The status has been sent; only an event can still say that this is not the end.
        with suppress(AppError):
            yield _BROKEN_OFF


def _headers(answer: httpx.Response) -> dict[str, str]:
    return {name: answer.headers[name] for name in _PASSED if name in answer.headers}
