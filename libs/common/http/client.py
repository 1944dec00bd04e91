"""HTTP between our services: the capability, the request id and the trace go along; problems come back as errors."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
import structlog

from libs.common import capability
from libs.common.clock import utc_now
from libs.common.errors import INTERNAL, UNAVAILABLE, UPSTREAM_FAILED, AppError, ProblemType
from libs.common.http.edge import REQUEST_ID
from libs.common.http.problems import MEDIA_TYPE
from libs.common.http.retry_after import retry_after_s
from libs.common.ids import new_id
from libs.common.tracing import trace_headers

CONNECT_TIMEOUT_S = 3.0
RETRY_AFTER_S = 2.0
CONNECTIONS_MAX = 100
_ERRORS_FROM = 400


@cache
def certificates() -> ssl.SSLContext:
    """Return what verifies a server's certificate. To read it takes a client fifty times as long as all else."""
    return httpx.create_ssl_context(trust_env=False)


@dataclass(frozen=True)
class Call:
    """One request: `json` or `content` (an async iterator is streamed), not both."""

    method: str
    path: str
    params: Mapping[str, Any] | None = None
    json: Any = None
    content: AsyncIterator[bytes] | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class ServiceClient:
    """A peer service at `base_url`. `timeout_s` bounds each wait on the wire and, for `request`, the whole call.

    `problems` are the problem types by slug that a peer may answer with.
    """

    def __init__(self, base_url: str, timeout_s: float, problems: Mapping[str, ProblemType]) -> None:
        self._timeout_s = timeout_s
        self._problems = problems
        self._client = httpx.AsyncClient(
            base_url=base_url,
            timeout=httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
            # A proxy of the environment is for the way out, not for calls between our own services.
            trust_env=False,
            verify=certificates(),
        )

    async def request(self, method: str, path: str, **parts: Any) -> httpx.Response:
        """Send and read the whole answer. `parts` are the fields of Call.

        Raises AppError: the peer's own problem, or UNAVAILABLE / UPSTREAM_FAILED when there was no proper answer.
        """
        try:
            # httpx bounds each wait: an answer that comes byte by byte would never be too late.
            async with asyncio.timeout(self._timeout_s), self.stream(Call(method, path, **parts)) as response:
                await response.aread()
                return response
        except TimeoutError as error:
            raise _down("It took too long to answer.") from error

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[httpx.Response]:
        """Send, and hand over the answer with its body unread. Errors as in `request`."""
        request = self._client.build_request(
            call.method,
            call.path,
            params={k: v for k, v in call.params.items() if v is not None} if call.params else None,
            json=call.json,
            content=call.content,
            headers=_own_headers() | dict(call.headers),
        )
        try:
            response = await self._client.send(request, stream=True)
        except httpx.TransportError as error:
            raise _down("A service behind this one is not answering.") from error
        try:
            if response.status_code >= _ERRORS_FROM:
                await response.aread()
                raise problem_of(response, self._problems)
            yield response
        except httpx.TransportError as error:
            raise _down("A service behind this one broke off its answer.") from error
        finally:
            await response.aclose()

    async def ping(self) -> None:
        """Raise AppError(UNAVAILABLE) unless the peer's /health answers at all."""
        try:
            await self._client.get("/health")
        except httpx.TransportError as error:
            raise _down("A service behind this one is not answering.") from error

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


def problem_of(response: httpx.Response, problems: Mapping[str, ProblemType]) -> AppError:
    """Return the error of a peer's response: its problem type, or UPSTREAM_FAILED if the type is unknown."""
    if not response.headers.get("content-type", "").startswith(MEDIA_TYPE):
        return AppError(UPSTREAM_FAILED, "An upstream service sent an invalid response.", status=response.status_code)
    body = response.json()
    problem = problems.get(str(body.get("type", "")).rpartition("/")[2])
    # A peer's bug is not ours to report as our own, nor a slug that nobody here has explained.
    if problem is None or problem is INTERNAL:
        return AppError(UPSTREAM_FAILED, "An upstream service failed.", status=response.status_code)
    return AppError(
        problem,
        str(body.get("detail", problem.title)),
        retry_after_s=retry_after_s(response.headers.get("retry-after"), utc_now()),
        extra={key: value for key, value in body.items() if key not in _STANDARD_MEMBERS},
    )


_STANDARD_MEMBERS = {"type", "title", "status", "detail", "instance", "request_id"}


def _own_headers() -> dict[str, str]:
    request_id = structlog.contextvars.get_contextvars().get("request_id") or str(new_id())
    headers = {REQUEST_ID: str(request_id)} | trace_headers()
    token = capability.held()
    return headers | ({"Authorization": f"Bearer {token}"} if token else {})


def _down(detail: str) -> AppError:
    return AppError(UNAVAILABLE, detail, retry_after_s=RETRY_AFTER_S)
