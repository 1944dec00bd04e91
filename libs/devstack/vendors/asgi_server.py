"""A real HTTP server in this process, so that a vendor's own SDK can be tested against a fake of its service."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 5.0
_BACKLOG = 128


@contextmanager
def serve(app: ASGIApp) -> Iterator[str]:
    """Serve an ASGI app on a free loopback port in a thread; yields its base URL, without a slash at the end.

    On leaving, open requests are cut (a stalled answer cannot hold a test up) and the thread is gone.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(_BACKLOG)
        server = _Server(
            uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=0)
        )
        thread = threading.Thread(target=server.run_on, args=(listener,), name="asgi-server", daemon=True)
        thread.start()
        try:
            if not server.ready.wait(START_TIMEOUT_S):
                raise TimeoutError("the ASGI server did not start")
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(STOP_TIMEOUT_S)


class _Server(uvicorn.Server):
    """uvicorn that says when it listens and leaves the process's signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    def run_on(self, listener: socket.socket) -> None:
        """Serve on the listener until `should_exit`."""
        asyncio.run(self.serve(sockets=[listener]))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then let the waiting thread go on."""
        await super().startup(sockets=sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the main thread."""
        yield
