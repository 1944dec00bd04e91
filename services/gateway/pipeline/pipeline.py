"""The request pipeline: authenticate, rate-limit, authorize, deduplicate by Idempotency-Key, then the endpoint.

The body is read only after authorization.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from libs.common.errors import FORBIDDEN, AppError
from libs.common.http.draining import DrainingResponse
from libs.common.http.problems import instance_of, problem_response
from libs.contracts.ids import PatientId
from libs.contracts.organization.own_help_lines import CrisisSettings
from libs.contracts.problems import REPLAY_RUNNING, SECRET_SHOWN
from libs.contracts.safety import help_lines_for
from services.gateway.access.authentication import Authenticator, credential_in, operator
from services.gateway.access.authority import Authority
from services.gateway.domain import Access, Principal, may
from services.gateway.idempotency.handlers import (
    OBJECT_CHARS_MAX,
    CompletedRequest,
    Idempotency,
    IdempotentRequest,
    attempt,
)
from services.gateway.pipeline import bodies
from services.gateway.pipeline.crisis_fallback import CrisisFallback, needs_crisis_answer, with_crisis_resources
from services.gateway.pipeline.edge import answer_headers
from services.gateway.pipeline.limiter import Limiter, exceeded, upstream_limit_headers
from services.gateway.routes import Repeat, Route, Trait

_NOT_SERVED = (502, 503)
REPLAYED = {"Idempotent-Replayed": "true"}
_SECRET = {"Cache-Control": "no-store", "Content-Type": "application/json"}

Endpoint = Callable[[Request], Awaitable[Response]]
# Reads the object of an earlier request again; None when the caller may no longer see it.
ReplayReader = Callable[[Principal, str], Awaitable[Response | None]]


@dataclass(frozen=True)
class RequestPipeline:
    """The checks that every request passes before its endpoint."""

    authenticator: Authenticator
    authority: Authority
    limiter: Limiter
    idempotency: Idempotency
    operator_token: str | None
    replay_readers: Mapping[str, ReplayReader]
    crisis: CrisisFallback

    async def serve(self, request: Request, route: Route, answer: Endpoint) -> Response:
        """Handle one request; a refused upload is not read to its end."""
        if Trait.STREAMS_IN not in route.traits:
            return await self._with_crisis_fallback(bodies.bounded(request), route, answer)
        try:
            return await self._authenticated(request, route, answer)
        except AppError as error:
            # Most clients send all of a body before they read: closed at once, they would see a reset and no reason.
            return DrainingResponse(problem_response(error, request.scope))

    async def _with_crisis_fallback(self, request: Request, route: Route, answer: Endpoint) -> Response:
        try:
            return await self._authenticated(request, route, answer)
        except AppError as error:
            headers = answer_headers(request.scope)
            for name, value in upstream_limit_headers(error).items():
                headers[name] = f"{value}, {headers[name]}" if name in headers else value
            if Trait.SERVES_PATIENTS_IN_CRISIS not in route.traits or not needs_crisis_answer(error):
                raise
            principal: Principal | None = getattr(request.state, "principal", None)
            organization = await self.crisis.settings_of(principal)
            return await self._crisis_answer(request, route, organization) or problem_response(
                with_crisis_resources(error, help_lines_for(organization, self.crisis.lines)), request.scope
            )

    async def _crisis_answer(self, request: Request, route: Route, organization: CrisisSettings) -> Response | None:
        principal: Principal | None = getattr(request.state, "principal", None)
        # Who it is cannot be asked now, but a credential that is made up is told apart without asking.
        if principal is None and not self.authenticator.has_valid_format(request.headers):
            return None
        if principal is not None and not may(principal, route.access, route.scopes):
            return None
        try:
            return await self.crisis.answer(request, principal, organization)
        except AppError:
            return None  # the chat is out of reach as well: the caller gets the resources

    async def _authenticated(self, request: Request, route: Route, answer: Endpoint) -> Response:
        if route.access is Access.OPEN:
            return await answer(request)
        principal = await self._identify(request, route)
        request.state.principal = principal
        async with self._rate_limited(request, route, principal):
            return await self._authorized(request, route, principal, answer)

    async def _authorized(self, request: Request, route: Route, principal: Principal, answer: Endpoint) -> Response:
        if route.access is not Access.OPERATOR and not may(principal, route.access, route.scopes):
            raise AppError(FORBIDDEN, _needed(principal, route))
        if Trait.STREAMS_IN not in route.traits:
            await bodies.read(request)  # the body is read only after the caller is identified
        with self.authority.own(principal):
            key = request.headers.get("idempotency-key")
            # A body that streams is not read here: the service deduplicates streamed uploads by key.
            if key is None or not route.replayable or Trait.STREAMS_IN in route.traits or _wants_events(request):
                return await answer(request)
            return await self._idempotent(request, route, key, answer)

    async def _identify(self, request: Request, route: Route) -> Principal:
        if route.access is Access.OPERATOR:
            return operator(request.headers, self.operator_token)
        return await self.authenticator.identify(request.headers)

    @asynccontextmanager
    async def _rate_limited(self, request: Request, route: Route, principal: Principal) -> AsyncIterator[None]:
        """Count a request; one that fails with 502 or 503 is refunded."""
        if Trait.UNLIMITED in route.traits:
            yield
            return
        # A patient's own token counts for the patient: one who writes a lot must not silence the others of a key.
        taken = await self.limiter.take(str(principal.patient_id or principal.api_key_id))
        answer_headers(request.scope).update(taken.allowance.headers())
        if not taken.passed:
            raise exceeded(taken.allowance)
        try:
            yield
        except AppError as error:
            if error.problem.status in _NOT_SERVED:
                # Shielded: the caller may hang up at a 503, and would have paid for nothing.
                await asyncio.shield(self.limiter.refund(taken))
                answer_headers(request.scope).update(taken.allowance.refunded().headers())
            raise

    async def _idempotent(self, request: Request, route: Route, key: str, answer: Endpoint) -> Response:
        principal: Principal = request.state.principal
        attempted = attempt(await _asking(request, route, key))
        try:
            before = await self.idempotency.begin(attempted)
        except AppError as error:
            # The first request may be orphaned by a crash; a naturally idempotent route need not wait.
            if error.problem is REPLAY_RUNNING and Trait.NATURALLY_IDEMPOTENT in route.traits:
                return await answer(request)
            raise
        if before is not None:
            again = await self._replay(principal, route, before)
            if again is not None:
                return again
            await self.idempotency.begin_again(attempted)
        done: CompletedRequest | None = None
        try:
            given = await answer(request)
            done = _done(request, route, given)
            return given
        finally:
            # A "no" is not kept: its cause may be gone when it is asked again.
            if done is None:
                await asyncio.shield(self.idempotency.release(attempted))
            else:
                await asyncio.shield(self.idempotency.keep(attempted, done))

    async def _replay(self, principal: Principal, route: Route, before: CompletedRequest) -> Response | None:
        """Replay a completed request; None to run it again."""
        if before.secret is not None:
            return Response(before.secret, before.status, _SECRET | REPLAYED)
        if route.repeat is Repeat.SECRET:
            raise AppError(SECRET_SHOWN, SECRET_SHOWN.doc, extra={"id": before.object_id})
        again = await self.replay_readers[route.operation_id](principal, before.object_id)
        if again is not None:
            again.status_code = before.status
            again.headers.update(REPLAYED)
        return again


async def _asking(request: Request, route: Route, key: str) -> IdempotentRequest:
    principal: Principal = request.state.principal
    # The path belongs to what is asked: the same key for another object is another request.
    place, shown = (f"{route.operation_id} {path}" for path in (request.url.path, instance_of(request.scope)))
    what = b"\x00".join(
        (request.url.query.encode(), request.headers.get("if-match", "").encode(), await request.body())
    )
    return IdempotentRequest(credential_in(request.headers), principal.organization_id, place, shown, key, what)


def _done(request: Request, route: Route, given: Response) -> CompletedRequest | None:
    """Return the result to store; None for errors and for bodies without an id."""
    if not HTTPStatus.OK <= given.status_code < HTTPStatus.MULTIPLE_CHOICES:
        return None
    content = bytes(given.body)
    body = json.loads(content)
    # Only the id is kept; what the answer says may be hidden by then.
    object_id = body.get(route.id_field) if isinstance(body, dict) else None
    if not isinstance(object_id, str) or not 0 < len(object_id) <= OBJECT_CHARS_MAX:
        return None
    secret = content if route.repeat is Repeat.SECRET else None
    return CompletedRequest(
        given.status_code, object_id, _patient_of(request), Trait.TELLS_WORDS in route.traits, secret
    )


def _patient_of(request: Request) -> PatientId | None:
    """Return the patient of a request, from its path or from request state."""
    in_path = request.path_params.get("patient_id")
    return PatientId(UUID(in_path)) if in_path else getattr(request.state, "patient_id", None)


def _needed(principal: Principal, route: Route) -> str:
    if principal.patient_id is not None:
        return "A patient's token opens only that patient's chat."
    return f"This needs a key with the scope {' or '.join(sorted(route.scopes))}."


def _wants_events(request: Request) -> bool:
    return "text/event-stream" in request.headers.get("accept", "")


async def body_of(request: Request) -> AsyncIterator[bytes]:
    """Yield the pieces of a body as they arrive; raises when the caller goes away."""
    async for piece in request.stream():
        if piece:
            yield piece
