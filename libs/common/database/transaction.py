"""PostgreSQL, so that no transaction starts without a capability (the row-level-security context)."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, CursorResult, Executable, event, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from libs.common import capability
from libs.common.database.readable_times import read_all_times
from libs.common.derived_ids import derived_id
from libs.common.errors import UNAUTHENTICATED, UNAVAILABLE, AppError, ProblemType
from libs.common.events import Event
from libs.common.ids import new_id
from libs.common.tracing import publishing, trace_headers

POOL_SIZE = 16
POOL_WAIT_S = 10
CONNECT_TIMEOUT_S = 5
RETRY_AFTER_S = 2.0

# Without a capability only SECURITY DEFINER functions answer: row-level security shows no row.
_ANONYMOUS = "anonymous"
# Conflicts of transactions, locks and statements that timed out, a server that restarts or is full: all of it passes.
_TRANSIENT = {"40001", "40P01", "55P03", "57014", "57P01", "57P02", "57P03", "53300", "25P03"}

_INSERT_EVENT = text(
    "insert into outbox (id, topic, key, type, version, payload, headers) values "
    "(:id, :topic, :key, :type, :version, cast(:payload as jsonb), cast(:headers as jsonb))"
)


class Transaction:
    """An open transaction of one service under one capability. Facts emitted in it leave only if it commits."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.emitted = False

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Run a SQLAlchemy Core statement."""
        return await self._connection.execute(statement, parameters)

    async def emit(self, *events: Event, cause: UUID | None = None) -> None:
        """Write facts to the outbox. With `cause` their ids derive from it, so a replay makes no second id."""
        # Numbered, so that two facts of one type about one key have two ids.
        rows = [self._row(fact, number, cause) for number, fact in enumerate(events)]
        if rows:
            self.emitted = True
            await self._connection.execute(_INSERT_EVENT, rows)

    def _row(self, fact: Event, number: int, cause: UUID | None) -> dict[str, Any]:
        # Of cause, type, key and number: a step that runs again makes the same ids, and their second copies are
        # dropped.
        event_id = derived_id(cause, fact.type, fact.key, str(number)) if cause else new_id()
        with publishing(fact, str(event_id)):
            return {
                "id": event_id,
                "topic": fact.topic,
                "key": fact.key,
                "type": fact.type,
                "version": fact.version,
                "payload": json.dumps(fact.payload()),
                "headers": json.dumps(trace_headers() | ({"cause": str(cause)} if cause else {})),
            }


class Database:
    """One service's connections to PostgreSQL, as that service's own role.

    `refusals` maps SQLSTATEs raised by database functions to the problem they mean; `on_emitted` is called after a
    commit that left facts in the outbox.
    """

    def __init__(self, url: str, refusals: Mapping[str, ProblemType] | None = None) -> None:
        self._engine = create_async_engine(
            url,
            pool_size=POOL_SIZE,
            # What overflows is opened and closed again for each transaction.
            max_overflow=0,
            pool_timeout=POOL_WAIT_S,
            # A server that was restarted leaves dead connections in the pool: one is tried before it is given out.
            pool_pre_ping=True,
            hide_parameters=True,
            # One prepared by name could be replaced by the SQL of one request and be given the next capability.
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "prepare_threshold": None},
        )
        self.on_emitted: Callable[[], None] = _nothing
        self._refusals = {"TR401": UNAUTHENTICATED, **(refusals or {})}
        event.listen(self._engine.sync_engine, "connect", read_all_times)
        event.listen(self._engine.sync_engine, "begin", _enter)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction under the current capability; commit on leaving, roll back on an error.

        Raises AppError: UNAUTHENTICATED without a valid capability, the mapped refusal, or UNAVAILABLE.
        """
        async with self._open({}) as transaction:
            yield transaction

    @asynccontextmanager
    async def without_capability(self) -> AsyncIterator[Transaction]:
        """Open a transaction that sees no person's rows: for functions that run before a caller is authenticated."""
        async with self._open({_ANONYMOUS: True}) as transaction:
            yield transaction

    async def ping(self) -> None:
        """Raise AppError(UNAVAILABLE) unless the server answers."""
        async with self.without_capability() as tx:
            await tx.execute(text("select 1"))

    async def close(self) -> None:
        """Give all connections back."""
        await self._engine.dispose()

    @asynccontextmanager
    async def _open(self, options: dict[str, Any]) -> AsyncIterator[Transaction]:
        try:
            async with self._engine.connect() as connection:
                await connection.execution_options(**options)
                async with connection.begin():
                    tx = Transaction(connection)
                    yield tx
            # After the commit: a hint before it would have the relay look at nothing.
            if tx.emitted:
                self.on_emitted()
        except (DBAPIError, PoolTimeoutError) as error:
            raise self._translated(error) from error

    def _translated(self, error: DBAPIError | PoolTimeoutError) -> Exception:
        state = getattr(getattr(error, "orig", None), "sqlstate", None)
        # First: a refusal that the database raises is an answer, and nothing to be tried again.
        if state in self._refusals:
            problem = self._refusals[state]
            return AppError(problem, problem.doc, sqlstate=state)
        # Without an SQLSTATE the server has said nothing: the connection was lost, or never made.
        lost = isinstance(error, (OperationalError, InterfaceError, PoolTimeoutError)) and state is None
        if lost or state in _TRANSIENT or (isinstance(error, DBAPIError) and error.connection_invalidated):
            return AppError(UNAVAILABLE, "The database is not answering.", retry_after_s=RETRY_AFTER_S, sqlstate=state)
        return error


def _enter(connection: Connection) -> None:
    if connection.get_execution_options().get(_ANONYMOUS):
        return
    # Before the first statement, in the same transaction: a pooled connection never carries a capability over.
    connection.exec_driver_sql("select ctx.enter(%s)", (capability.current(),))


def _nothing() -> None:
    """Nobody waits for facts in this process."""
