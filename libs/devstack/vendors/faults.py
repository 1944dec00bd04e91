"""Bad days of a vendor, to order: errors, rate limits, slowness, stalled and cut answers for the next requests."""

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

STALL_S = 3600.0
FAULT = "therapyrag.fault"
"""The key in the ASGI scope under which the fault of this request is found afterwards; None when there was none."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request. Several fields may be set together.

    `status` answers with that status and `body` (JSON) instead of asking the app; `retry_after_s` adds Retry-After.
    `latency_s` waits before anything is answered. The rest act on the app's own answer: `stall_after_bytes` sends that
    many bytes of its body (0: only the headers) and then nothing more; `cut_after_bytes` closes the connection there.
    """

    status: int | None = None
    body: Mapping[str, object] = field(default_factory=dict)
    retry_after_s: float | None = None
    latency_s: float = 0.0
    stall_after_bytes: int | None = None
    cut_after_bytes: int | None = None


@dataclass(frozen=True)
class Recorded:
    """A request as the vendor received it; header names are lower-case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        """Return the body read as JSON."""
        return json.loads(self.body)


class Faults:
    """ASGI middleware: records every request and applies the faults that were ordered, first come first served.

    faults = Faults(app); serve(faults); faults.order(Fault(status=429, retry_after_s=1), times=2)
    `instead` has requests answered by another app, chosen by what their bodies hold.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._instead: dict[bytes, ASGIApp] = {}
        self._next: deque[Fault] = deque()
        self._always: Fault | None = None
        self.requests: list[Recorded] = []

    def order(self, fault: Fault, times: int = 1) -> None:
        """Apply the fault to the next `times` requests, after what was ordered before."""
        self._next.extend([fault] * times)

    def always(self, fault: Fault) -> None:
        """Apply the fault to every request, once the ordered ones are used up, until `clear`."""
        self._always = fault

    def instead(self, mark: bytes, app: ASGIApp) -> None:
        """Let another app answer requests whose body holds the mark; the mark that was named first wins."""
        self._instead[mark] = app

    def clear(self) -> None:
        """Forget faults, other apps and recorded requests."""
        self._next.clear()
        self._always = None
        self._instead.clear()
        self.requests.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request as ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Whole and first: which app answers may depend on it, and an answer that is cut is recorded as well.
        body = await _read(receive)
        self.requests.append(_recorded(scope, body))
        fault = self._next.popleft() if self._next else self._always
        # For whoever wraps this and keeps the books.
        scope[FAULT] = fault
        app = next((app for mark, app in self._instead.items() if mark in body), self._app)
        if fault is None:
            await app(scope, _Replay(body, receive), send)
            return
        await asyncio.sleep(fault.latency_s)
        if fault.status is not None:
            await _answer(fault.status, fault, send)
            return
        try:
            await app(scope, _Replay(body, receive), _Spoiled(fault, send))
        except _CutError:
            return  # uvicorn closes a connection whose answer is not complete


class _CutError(Exception):
    """Ends the app's answer where the fault says."""


class _Replay:
    """Gives the app the body that was read for the record, then whatever comes (a disconnect)."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class _Spoiled:
    """Passes an answer on up to the byte where it stalls or is cut."""

    def __init__(self, fault: Fault, send: Send) -> None:
        self._fault = fault
        self._send = send
        limits = [n for n in (fault.stall_after_bytes, fault.cut_after_bytes) if n is not None]
        self._left = min(limits) if limits else None

    async def __call__(self, message: Message) -> None:
        if self._left is None or message["type"] != "http.response.body":
            await self._send(message)
            return
        body: bytes = message.get("body", b"")
        part = body[: self._left]
        self._left -= len(part)
        reached = len(part) < len(body) or not message.get("more_body", False) or self._left == 0
        # Never the last piece: only so does the client see an answer that is not complete.
        await self._send({"type": "http.response.body", "body": part, "more_body": True})
        if reached:
            await self._end()

    async def _end(self) -> None:
        if self._fault.stall_after_bytes is not None:
            await asyncio.sleep(STALL_S)
        raise _CutError


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            break
    return b"".join(parts)


async def _answer(status: int, fault: Fault, send: Send) -> None:
    headers = [(b"content-type", b"application/json")]
    if fault.retry_after_s is not None:
        headers.append((b"retry-after", f"{fault.retry_after_s:g}".encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(dict(fault.body)).encode()})


def _recorded(scope: Scope, body: bytes) -> Recorded:
    return Recorded(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode(),
        # Values are bytes to ASGI; latin-1 reads whatever a client sent.
        headers={name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
    )
