"""The public face of every answer: its headers, and problem types as addresses one can open."""

import json
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.common.errors import METHOD_NOT_ALLOWED
from libs.common.http.problems import MEDIA_TYPE
from services.gateway.routes import methods_at

_STATE = "answer_headers"
_LISTS = ("RateLimit-Policy", "RateLimit")
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def answer_headers(scope: Scope) -> MutableMapping[str, str]:
    """Return the headers that whatever answers this request will carry."""
    headers: MutableMapping[str, str] = scope.setdefault("state", {}).setdefault(_STATE, {})
    return headers


class ResponseHeadersMiddleware:
    """ASGI middleware. `own_url` is where callers reach this gateway."""

    def __init__(self, app: ASGIApp, own_url: str) -> None:
        self._app = app
        self._own_url = own_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _HeaderInjectingSend(scope, send, self._own_url))


class _HeaderInjectingSend:
    """A `send` that adds headers, and holds a problem document back until its type is an address."""

    def __init__(self, scope: Scope, send: Send, own_url: str) -> None:
        self._scope = scope
        self._send = send
        self._own_url = own_url
        self._held: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(message["headers"]))
            for name, value in {**SECURITY_HEADERS, **answer_headers(self._scope)}.items():
                # Two limits may bind one answer, the patient's and the key's: both are sent.
                already = headers.get(name) if name in _LISTS else None
                headers[name] = f"{already}, {value}" if already else value
            # What is said here is somebody's: whatever may be kept on the way says so itself.
            headers.setdefault("Cache-Control", "no-store")
            if message["status"] == METHOD_NOT_ALLOWED.status and (methods := methods_at(self._scope["path"])):
                # The framework knows only the first line of the table with this path.
                headers["Allow"] = ", ".join(methods)
            message = {**message, "headers": headers.raw}
            if headers.get("content-type", "").startswith(MEDIA_TYPE):
                self._held = message
                return
        elif self._held is not None:
            message = await self._release(self._held, message)
        await self._send(message)

    async def _release(self, start: Message, first: Message) -> Message:
        # Problem documents are rendered whole, so the first piece is all of it.
        self._held = None
        body = self._addressed(json.loads(first["body"]))
        MutableHeaders(raw=start["headers"])["content-length"] = str(len(body))
        await self._send(start)
        return {**first, "body": body}

    def _addressed(self, problem: dict[str, Any]) -> bytes:
        if str(problem.get("type", "")).startswith("/"):
            problem["type"] = self._own_url + problem["type"]
        return json.dumps(problem, ensure_ascii=False, separators=(",", ":")).encode()
