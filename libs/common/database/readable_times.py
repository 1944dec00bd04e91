"""Every stored time can be read: one that no `datetime` can be fails no page (time_columns.py keeps such times out).

PostgreSQL's timestamps reach from 4713 BC to the year 294276 and to infinity; a `datetime` from year 1 to 9999.
"""

from datetime import UTC, datetime
from typing import Protocol

from psycopg import AsyncConnection, Connection, DataError, adapters
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

from libs.common.local_time import EARLIEST, LATEST

_EDGES = (1, 9999)


class _Driven(Protocol):
    @property
    def driver_connection(self) -> object:
        """The driver's own connection."""


class ReadableTime(Loader):
    """Reads a `timestamptz` as psycopg does, and one that no `datetime` can be as the nearest that can."""

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        usual = adapters.get_loader(oid, Format.TEXT)
        assert usual is not None
        self._load = usual(oid, context).load

    def load(self, data: Buffer) -> datetime:
        """Return the time."""
        try:
            at: datetime = self._load(data)
            return at.astimezone(UTC) if at.year in _EDGES else at
        except (DataError, OverflowError):
            written = bytes(data)
            return EARLIEST if written.startswith((b"-", b"0001")) or written.endswith(b"BC") else LATEST


def read_all_times(connection: _Driven, _record: object) -> None:
    """Make a new connection of a pool read times so."""
    driver = connection.driver_connection
    assert isinstance(driver, (AsyncConnection, Connection))
    driver.adapters.register_loader("timestamptz", ReadableTime)
