"""The HTTP edge of a service: request ids, the capability, a span, one canonical log line, the last resort."""

import re
import time
from contextlib import ExitStack
from uuid import UUID

import structlog
from opentelemetry.trace import Span
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common.capability import acting_under
from libs.common.http.problems import internal_error, problem_response
from libs.common.ids import new_id
from libs.common.log import get_logger, location_of
from libs.common.metrics import HTTP_ANSWERS, HTTP_DURATION
from libs.common.tracing import context_of, served, serving

REQUEST_ID = "X-Request-Id"
# Asked every few seconds by machines: neither logged nor measured nor traced.
UNWATCHED = ("/health", "/live", "/metrics")
# The status, in our logs and metrics only, of a request whose caller went away before it was answered (as nginx's).
CLIENT_GONE = 499
_OUR_FAULT_FROM = 500
_BEARER = re.compile(r"[Bb]earer +(\S.*)")


class Edge:
    """ASGI middleware around a whole app.

    `internal`: the caller is another service, so its request id and its Bearer capability are taken as they come
    (the database verifies the capability). A public edge makes its own request id and leaves credentials to the app.
    """

    def __init__(self, app: ASGIApp, internal: bool = True) -> None:
        self._app = app
        self._internal = internal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = self._request_id(headers)
        with ExitStack() as stack:
            stack.enter_context(structlog.contextvars.bound_contextvars(request_id=request_id))
            opened = None
            if scope["path"] not in UNWATCHED:
                # A stranger's trace is not continued: whoever chose its ids could mix requests of others into it.
                opened = stack.enter_context(serving(scope["method"], context_of(headers) if self._internal else None))
            bearer = _BEARER.fullmatch(headers.get("authorization", ""))
            if self._internal and bearer:
                stack.enter_context(acting_under(bearer[1]))
            await _Exchange(self._app, scope, request_id, opened).run(receive, send)

    def _request_id(self, headers: Headers) -> str:
        given = headers.get(REQUEST_ID, "")
        if self._internal:
            try:
                return str(UUID(given))
            except ValueError:
                pass
        return str(new_id())


class _Exchange:
    """One request and its answer, measured."""

    def __init__(self, app: ASGIApp, scope: Scope, request_id: str, opened: Span | None) -> None:
        self._app = app
        self._scope = scope
        self._request_id = request_id
        self._span = opened
        self._status = 0
        self._bytes_in = 0
        self._bytes_out = 0

    async def run(self, receive: Receive, send: Send) -> None:
        started = time.perf_counter()

        async def counted_receive() -> Message:
            message = await receive()
            self._bytes_in += len(message.get("body", b""))
            return message

        async def marked_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._status = message["status"]
                # On every answer, also the framework's own: it is what a caller quotes when something failed.
                MutableHeaders(scope=message)[REQUEST_ID] = self._request_id
            self._bytes_out += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(self._scope, counted_receive, marked_send)
        except ClientDisconnect:
            # The caller left: no failure, and nothing to send. If a response had begun, its status stays.
            self._status = self._status or CLIENT_GONE
        except Exception as error:
            get_logger().error("http.failed", error_class=type(error).__name__, error_place=location_of(error))
            if self._status:
                raise
            await problem_response(internal_error(), self._scope)(self._scope, receive, marked_send)
        finally:
            self._say(time.perf_counter() - started)

    def _say(self, seconds: float) -> None:
        # The template, never the path: an unknown path may be a name that somebody mistyped.
        route = getattr(self._scope.get("route"), "path", "-")
        if route in UNWATCHED:
            return
        if self._span is not None:
            served(self._span, self._scope["method"], route, self._status)
        HTTP_DURATION.labels(self._scope["method"], route, str(self._status)).observe(seconds)
        HTTP_ANSWERS.labels("failed" if self._status >= _OUR_FAULT_FROM else "served").inc()
        get_logger().info(
            "http.request",
            method=self._scope["method"],
            route=route,
            status=self._status,
            duration_ms=round(seconds * 1000, 1),
            bytes_in=self._bytes_in,
            bytes_out=self._bytes_out,
        )
