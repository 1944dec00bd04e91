"""A small TCP proxy, so that a test can cut, stall and refuse the connections between a service and a server."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping

READ_BYTES = 64 * 1024
ACT_WITHIN_S = 10.0
ACCEPTING_S = 0.02
_BACKLOG = 256
# Closing with this on is a reset, as when a cable is cut or a firewall forgets a connection.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class TcpProxy:
    """One port on loopback for one server; all methods may be called from any thread.

    proxy.cut(); proxy.stall(); proxy.refuse(); proxy.resume()
    """

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        # Bound before the thread starts: the address is known, and nobody else can be given it.
        self._listener = _bound(0)
        self._port = int(self._listener.getsockname()[1])
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxy", daemon=True)
        self._thread.start()
        self._act(self._accept)

    @property
    def address(self) -> str:
        """Where to connect instead, as host:port."""
        return f"127.0.0.1:{self._port}"

    def cut(self) -> int:
        """Reset every connection there is; return how many. New ones are taken."""
        return self._act(self._cut)

    def stall(self) -> None:
        """Let no byte pass either way, on old connections and on new ones, until `resume`."""
        self._act(self._stall)

    def refuse(self) -> None:
        """Refuse new connections until `resume`; those there are go on."""
        self._act(self._refuse)

    def resume(self) -> None:
        """Let everything pass again."""
        self._act(self._resume)

    def close(self) -> None:
        """Reset all connections and end the thread."""
        self._act(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ACT_WITHIN_S)
        self._loop.close()

    def _act(self, what: Callable[[], Coroutine[None, None, int]]) -> int:
        return asyncio.run_coroutine_threadsafe(what(), self._loop).result(ACT_WITHIN_S)

    async def _accept(self) -> int:
        self._listener.listen(_BACKLOG)
        self._server = await asyncio.start_server(self._begin, sock=self._listener)
        return 0

    async def _cut(self) -> int:
        ends = len(self._open)
        for writer in list(self._open):
            _reset(writer)
        # Each connection has two ends here, the caller's and the server's.
        return ends // 2

    async def _stall(self) -> int:
        self._flowing.clear()
        return 0

    async def _refuse(self) -> int:
        if self._server is not None:
            # asyncio's server leaks a connection that it is accepting while it is closed: let it finish those first.
            self._loop.remove_reader(self._listener)
            await asyncio.sleep(ACCEPTING_S)
            self._server.close()
            self._server = None
            # Bound but not listening: connecting is refused, and nobody else can take the port.
            self._listener = _bound(self._port)
        return 0

    async def _resume(self) -> int:
        self._flowing.set()
        return await self._accept() if self._server is None else 0

    async def _close(self) -> int:
        await self._refuse()
        self._listener.close()
        await self._cut()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        return 0

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Noted here: a task that is cancelled before its first step would never close it.
        self._open.add(writer)
        task = asyncio.get_running_loop().create_task(self._join(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes both ways until both ends have said their last, or one of them breaks."""
        behind: asyncio.StreamWriter | None = None
        try:
            await self._flowing.wait()
            there, behind = await asyncio.open_connection(*self._target)
            self._open.add(behind)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._carry(reader, behind))
                ways.create_task(self._carry(there, writer))
        except* OSError:
            pass  # one end is gone: the other is reset below, which is all there is to tell it
        finally:
            for end in (writer, behind):
                if end is not None:
                    _reset(end)
                    self._open.discard(end)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(READ_BYTES):
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()
        await self._flowing.wait()
        # The end of one way is passed on by itself: the other way may go on for long (a half-closed connection).
        if writer.can_write_eof() and not writer.is_closing():
            writer.write_eof()


@contextlib.contextmanager
def proxies(targets: Mapping[str, str]) -> Iterator[dict[str, TcpProxy]]:
    """Run a proxy before each address (`host:port` by name) for as long as the context lasts."""
    made = {name: TcpProxy(target) for name, target in targets.items()}
    try:
        yield made
    finally:
        for proxy in made.values():
            proxy.close()


def _bound(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.setblocking(False)
    return listener


def _reset(writer: asyncio.StreamWriter) -> None:
    if not writer.is_closing():
        found: socket.socket | None = writer.get_extra_info("socket")
        if found is not None:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        writer.transport.abort()
