"""The services behind the gateway, each asked under a capability minted for one request."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import structlog

from libs.common import capability
from libs.common.errors import NOT_FOUND, AppError
from libs.common.http.client import Call, ServiceClient, problem_of
from libs.common.http.edge import REQUEST_ID
from libs.common.tracing import trace_headers
from libs.contracts.ids import PatientId
from libs.contracts.problems import BY_SLUG
from services.gateway.access.authority import Authority, Grant
from services.gateway.domain import Principal
from services.gateway.routes import Route
from services.gateway.streaming_client import Answered, Head, post

_ERRORS_FROM = 400


@dataclass(frozen=True)
class RequestContext:
    """On whose behalf and for which route a service is asked; `patient_id` binds the capability to one patient."""

    principal: Principal
    route: Route
    patient_id: PatientId | None = None

    def grant(self) -> Grant:
        """Return what the capability is minted for."""
        return Grant(self.route.capability, self.route.lifetime_s, self.patient_id)


class Peer:
    """One service behind the gateway. Its problems come back as AppErrors of the same kind."""

    def __init__(self, client: ServiceClient, authority: Authority, url: str, timeout_s: float) -> None:
        self._client = client
        self._authority = authority
        self._url = url.rstrip("/")
        self._timeout_s = timeout_s

    async def ask(self, asked: RequestContext, method: str, path: str, **parts: Any) -> httpx.Response:
        """Ask and read the whole answer; `parts` are the fields of Call."""
        with self._authority.granted(asked.principal, asked.grant()):
            return await self._client.request(method, path, **parts)

    async def request_without_capability(self, method: str, path: str, **parts: Any) -> httpx.Response:
        """Ask without a capability, for endpoints that need none."""
        return await self._client.request(method, path, **parts)

    async def open(self, asked: RequestContext, call: Call) -> tuple[httpx.Response, AsyncIterator[bytes]]:
        """Ask, and return the answer with its body still to come; closing the iterator ends the request."""
        stack = AsyncExitStack()
        with self._authority.granted(asked.principal, asked.grant()):
            response = await stack.enter_async_context(self._client.stream(call))
        return response, _body(response, stack)

    async def upload(
        self, asked: RequestContext, path: str, headers: Mapping[str, str], body: AsyncIterator[bytes]
    ) -> Answered:
        """Send a body piece by piece; return the answer, which may come before the body's end.

        Raises AppError as `ask` does, and what `body` raises.
        """
        with self._authority.granted(asked.principal, asked.grant()):
            # By hand: an upload does not go through ServiceClient, which cannot listen while it sends.
            own = {"authorization": f"Bearer {capability.current()}"}
        # The id of the caller's request, so that one search of the logs finds both services.
        own[REQUEST_ID] = str(structlog.contextvars.get_contextvars().get("request_id", "-"))
        all_headers = [*headers.items(), *own.items(), *trace_headers().items()]
        answer = await post(Head(f"{self._url}{path}", all_headers), body, self._timeout_s)
        if answer.status >= _ERRORS_FROM:
            response = httpx.Response(answer.status, headers=answer.headers, content=answer.body)
            raise problem_of(response, BY_SLUG)
        return answer

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


async def _body(response: httpx.Response, stack: AsyncExitStack) -> AsyncIterator[bytes]:
    async with stack:
        # Raw: the bytes go on as they came, with the Content-Encoding that belongs to them.
        async for piece in response.aiter_raw():
            yield piece


def not_found(what: str) -> AppError:
    """Return the NOT_FOUND error for a resource that the caller may not know of."""
    return AppError(NOT_FOUND, f"There is no such {what}.")


@dataclass(frozen=True)
class ServiceClients:
    """The services behind the gateway."""

    consent: Peer
    ingestion: Peer
    transcriber: Peer
    embedder: Peer
    chat: Peer
