"""A way to a server that can be shut: what a process sees of a server that goes away and comes back."""

import asyncio
import contextlib
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

PORT = 5432


class CutProxy:
    """A way to the stream that can be shut: connections are cut, and new ones are refused until it opens again."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        # Where libpq looks for a server whose "host" is a folder.
        self.path = folder / f".s.PGSQL.{PORT}"
        self._to = urlsplit(url)
        self._open: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self._opening: asyncio.Task[None] | None = None

    def url(self, url: str) -> str:
        """Return the URL of the same server as it is reached through this proxy."""
        to = urlsplit(url)
        if to.scheme.startswith("redis") or to.scheme == "unix":
            return f"unix://:{to.password or ''}@{self.path}"
        return f"{to.scheme}://{to.username}:{to.password}@/{to.path.strip('/')}?host={self._folder}&port={PORT}"

    def close_for(self, seconds: float) -> None:
        """Refuse connections now, and accept them after that time."""
        if self._server is not None:
            self._server.close()
            self.path.unlink(missing_ok=True)
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()
        self._opening = asyncio.create_task(self._opened_after(seconds))

    async def _opened_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        folder = parse_qs(self._to.query).get("host", [""])[0]
        if self._to.scheme == "unix" or folder:
            path = f"{folder}/.s.PGSQL.{self._to.port or PORT}" if folder else self._to.path
            behind = await asyncio.open_unix_connection(path)
        else:
            behind = await asyncio.open_connection(self._to.hostname, self._to.port)
        self._open += [writer, behind[1]]
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(_pump(reader, behind[1]), _pump(behind[0], writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(65_536):
            writer.write(piece)
            await writer.drain()
    writer.close()
