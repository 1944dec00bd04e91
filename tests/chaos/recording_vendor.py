"""A vendor's fake that keeps the books: which session was bought when, by which process, and how the call ended."""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.devstack.vendors.asgi_server import serve
from libs.devstack.vendors.faults import FAULT, Fault, Faults


@dataclass
class Call:
    """One request as the vendor saw it. Times are time.time(); `heard` is the SHA-256 of what was sent."""

    caller: str
    began_at: float
    heard: str = ""
    fault: Fault | None = None
    ended_at: float | None = None
    was_served: bool = False

    @property
    def failed_by_order(self) -> bool:
        """Whether the fault that was ordered kept the answer from arriving whole."""
        return self.fault is not None and (self.fault.status is not None or self.fault.cut_after_bytes is not None)


@dataclass
class Books:
    """All calls of all callers, in the order in which they began."""

    calls: list[Call] = field(default_factory=list)

    @property
    def broken_off(self) -> list[Call]:
        """The calls that ended before the vendor had heard all of it."""
        return [call for call in self.calls if not call.heard]

    def of_sound(self, heard: str) -> list[Call]:
        """Return the calls that sent exactly this."""
        return [call for call in self.calls if call.heard == heard]


class Kept:
    """ASGI middleware around `Faults`: one for each caller, so that the books know who called."""

    def __init__(self, caller: str, app: ASGIApp, books: Books) -> None:
        self.faults = Faults(app)
        self._caller = caller
        self._books = books

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request as ASGI."""
        if scope["type"] != "http":
            await self.faults(scope, receive, send)
            return
        call = Call(self._caller, time.time())
        self._books.calls.append(call)
        try:
            await self.faults(scope, _Listening(call, receive), _Ending(call, send))
        finally:
            call.fault = scope.get(FAULT)
            call.ended_at = time.time()


class _Listening:
    """Notes what was heard once all of it came."""

    def __init__(self, call: Call, receive: Receive) -> None:
        self._call = call
        self._receive = receive
        self._digest = hashlib.sha256()

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._digest.update(message.get("body", b""))
            if not message.get("more_body", False):
                self._call.heard = self._digest.hexdigest()
        return message


class _Ending:
    """Notes that the answer was handed over whole."""

    def __init__(self, call: Call, send: Send) -> None:
        self._call = call
        self._send = send

    async def __call__(self, message: Message) -> None:
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._call.was_served = True


@dataclass(frozen=True)
class Vendor:
    """A fake with one address for each of its callers."""

    urls: Mapping[str, str]
    entrances: Mapping[str, Kept]
    books: Books

    def order(self, caller: str, fault: Fault) -> None:
        """Apply a fault to the caller's next request."""
        self.entrances[caller].faults.order(fault)

    def heal(self) -> None:
        """Forget the faults that nobody met."""
        for entrance in self.entrances.values():
            entrance.faults.clear()


@contextmanager
def vendor(app: ASGIApp, callers: Sequence[str]) -> Iterator[Vendor]:
    """Serve an app to each caller at an address of its own."""
    books = Books()
    entrances = {caller: Kept(caller, app, books) for caller in callers}
    with ExitStack() as stack:
        urls = {caller: stack.enter_context(serve(entrance)) for caller, entrance in entrances.items()}
        yield Vendor(urls, entrances, books)
