"""One call to a key service over HTTP: bounded, tried again when it is busy, and its texts are never kept."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from libs.common.errors import UNAVAILABLE, UPSTREAM_REFUSED, AppError

CONNECT_TIMEOUT_S = 2.0
CALL_TIMEOUT_S = 5.0
TRIES = 3
WAIT_S = 0.1
WAIT_MAX_S = 1.0
RETRY_AFTER_S = 5.0
_SERVER_ERRORS = 500

Send = Callable[[], Awaitable[httpx.Response]]


def client() -> httpx.AsyncClient:
    """Return a client for one service; proxies of the environment are not asked to carry keys."""
    return httpx.AsyncClient(timeout=httpx.Timeout(CALL_TIMEOUT_S, connect=CONNECT_TIMEOUT_S), trust_env=False)


async def call(send: Send, problem_of: Callable[[httpx.Response], AppError]) -> dict[str, Any]:
    """Send and return the JSON of a good answer.

    Raises AppError: UNAVAILABLE for what passes, else UPSTREAM_REFUSED.
    """
    async for attempt in AsyncRetrying(
        stop=stop_after_attempt(TRIES),
        wait=wait_random_exponential(multiplier=WAIT_S, max=WAIT_MAX_S),
        retry=retry_if_exception(_passes),
        # The last error itself and not tenacity's, which no caller knows.
        reraise=True,
    ):
        with attempt:
            return await _once(send, problem_of)
    raise down()


def down(reason: str | None = None, status: int | None = None) -> AppError:
    """Return the error of a service that does not answer now."""
    detail = "The key service is not answering."
    return AppError(UNAVAILABLE, detail, retry_after_s=RETRY_AFTER_S, reason=reason, status=status)


def refused(reason: str, status: int | None = None) -> AppError:
    """Return the error of a permanent refusal; `reason` is the service's error code or one of ours."""
    detail = "The key service refused to open or close a key. An operator must look."
    return AppError(UPSTREAM_REFUSED, detail, reason=reason, status=status)


async def _once(send: Send, problem_of: Callable[[httpx.Response], AppError]) -> dict[str, Any]:
    try:
        # For the whole call: the client's own limit begins anew with each read.
        async with asyncio.timeout(CALL_TIMEOUT_S):
            answer = await send()
    except (httpx.TransportError, TimeoutError) as error:
        raise down() from error
    if answer.status_code >= _SERVER_ERRORS:
        raise down(status=answer.status_code)
    if not answer.is_success:
        raise problem_of(answer)
    try:
        found = answer.json()
    except ValueError as error:
        raise refused("no-json") from error
    # A proxy or a portal in between may answer 200 with JSON of its own.
    if not isinstance(found, dict):
        raise refused("no-json")
    return found


def _passes(error: BaseException) -> bool:
    return isinstance(error, AppError) and error.problem is UNAVAILABLE
