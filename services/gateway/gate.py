"""The order in which every request is met: who, how often, may they, have we answered this before, and then the answer.

Nothing of a body is read before the first three are settled.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from libs.common.errors import FORBIDDEN, PAYLOAD_TOO_LARGE, AppError
from libs.common.lingering import Lingering
from libs.common.problem_response import instance_of, problem_response
from libs.contracts.problems import REPLAY_RUNNING
from services.gateway.authentication import Authenticator, operator
from services.gateway.authority import Authority
from services.gateway.care import CrisisAnswer, caring, needs_care
from services.gateway.domain import Access, Principal, may
from services.gateway.edge import answer_headers
from services.gateway.limiter import Limiter, exceeded, spent
from services.gateway.replays import Answer, Place, Replays
from services.gateway.routes import Route

JSON_BYTES_MAX = 512 * 1024
REPLAYED = {"Idempotent-Replayed": "true"}
_KEPT_HEADERS = ("content-type", "location", "etag", "cache-control")
_SERVER_FAULT = 500

Answering = Callable[[Request], Awaitable[Response]]
StillAllowed = Callable[[Principal, Route, bytes], Awaitable[bool]]


@dataclass(frozen=True)
class Gate:
    """All that stands between a caller and an answer."""

    authenticator: Authenticator
    authority: Authority
    limiter: Limiter
    replays: Replays
    operator_token: str | None
    still_allowed: StillAllowed
    crisis_answer: CrisisAnswer

    async def serve(self, request: Request, route: Route, answer: Answering) -> Response:
        """Meet one request. Refusals of a body that is still arriving do not read the rest of it."""
        if not route.streams_in:
            return await self._heard(_bounded(request), route, answer)
        try:
            return await self._admitted(request, route, answer)
        except AppError as error:
            return Lingering(problem_response(error, request.scope))

    async def _heard(self, request: Request, route: Route, answer: Answering) -> Response:
        try:
            return await self._admitted(request, route, answer)
        except AppError as error:
            said = answer_headers(request.scope)
            for name, value in spent(error).items():
                said[name] = f"{value}, {said[name]}" if name in said else value
            if not route.hears_patients or not needs_care(error):
                raise
            return await self._crisis_answer(request, route) or problem_response(caring(error), request.scope)

    async def _crisis_answer(self, request: Request, route: Route) -> Response | None:
        principal: Principal | None = getattr(request.state, "principal", None)
        if principal is None and not self.authenticator.looks_genuine(request.headers):
            return None
        if principal is not None and not may(principal, route.access, route.scopes):
            return None
        try:
            return await self.crisis_answer(request, principal)
        except AppError:
            return None  # the chat is out of reach as well: the caller gets the resources

    async def _admitted(self, request: Request, route: Route, answer: Answering) -> Response:
        if route.access is Access.OPEN:
            return await answer(request)
        principal = await self._identify(request, route)
        request.state.principal = principal
        await self._count(request, route, principal)
        if route.access is not Access.OPERATOR and not may(principal, route.access, route.scopes):
            raise AppError(FORBIDDEN, _needed(principal, route))
        if not route.streams_in:
            await request.body()  # within its limit, and only now that it is known whose it is
        with self.authority.own(principal):
            key = request.headers.get("idempotency-key")
            # A body that streams is not read here: whoever takes it knows it again by its key.
            if key is None or not route.replayable or route.streams_in or _wants_events(request):
                return await answer(request)
            return await self._once(request, route, key, answer)

    async def _identify(self, request: Request, route: Route) -> Principal:
        if route.access is Access.OPERATOR:
            return operator(request.headers, self.operator_token)
        return await self.authenticator.identify(request.headers)

    async def _count(self, request: Request, route: Route, principal: Principal) -> None:
        if not route.limited:
            return
        passed, allowance = await self.limiter.take(str(principal.patient_id or principal.api_key_id))
        answer_headers(request.scope).update(allowance.headers())
        if not passed:
            raise exceeded(allowance)

    async def _once(self, request: Request, route: Route, key: str, answer: Answering) -> Response:
        # The path belongs to what is asked: the same key for another object is another request.
        place = Place(*(f"{route.operation_id} {path}" for path in (request.url.path, instance_of(request.scope))))
        attempt = self.replays.attempt(request.state.principal, place, key, await request.body())
        try:
            before = await self.replays.begin(attempt)
        except AppError as error:
            # The first may have died with its gateway. What does nothing the second time need not wait to find out.
            if error.problem is REPLAY_RUNNING and route.once_by_itself:
                return await answer(request)
            raise
        if before is not None:
            # An answer that quotes a session may not come back once consent has ended: then it is asked afresh.
            if not await self.still_allowed(request.state.principal, route, await request.body()):
                return await answer(request)
            return Response(before.body, before.status, before.headers | REPLAYED)
        kept: Response | None = None
        try:
            kept = await answer(request)
            return kept
        except AppError as error:
            # A "no" is an answer too, and the same one comes back; what failed on our side may be tried again.
            kept = problem_response(error, request.scope)
            raise
        finally:
            if kept is None or kept.status_code >= _SERVER_FAULT or kept.status_code == 429:
                await asyncio.shield(self.replays.release(attempt))
            else:
                await asyncio.shield(self.replays.keep(attempt, _answer_of(kept)))


def _answer_of(response: Response) -> Answer:
    headers = {name: value for name, value in response.headers.items() if name in _KEPT_HEADERS}
    return Answer(response.status_code, headers, bytes(response.body))


def _needed(principal: Principal, route: Route) -> str:
    if principal.patient_id is not None:
        return "A patient's token opens only that patient's chat."
    return f"This needs a key with the scope {' or '.join(sorted(route.scopes))}."


def _wants_events(request: Request) -> bool:
    return "text/event-stream" in request.headers.get("accept", "")


def _bounded(request: Request) -> Request:
    """Return the request with a body that stops at a limit."""
    left = JSON_BYTES_MAX
    receive = request.receive

    async def bounded() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise AppError(PAYLOAD_TOO_LARGE, f"A body may have {JSON_BYTES_MAX} bytes here.")
        return message

    return Request(request.scope, bounded)


async def body_of(request: Request) -> AsyncIterator[bytes]:
    """Yield the pieces of a body as they arrive; raises when the caller goes away."""
    async for piece in request.stream():
        if piece:
            yield piece
