"""Every byte that a running system keeps or has written: files, streams, objects, tables, pages, named one by one."""

from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import dataclass
from typing import cast

import httpx
import psycopg
from minio import Minio
from psycopg import sql
from redis.asyncio import Redis

from libs.devstack.servers import postgres, seaweed, valkey
from libs.devstack.stack import Stack

SYSTEM_SCHEMAS = ("pg_catalog", "information_schema", "pg_toast")
PAGE_TIMEOUT_S = 10


@dataclass(frozen=True)
class Kept:
    """Some bytes: of which kind of place they are, and its name."""

    kind: str
    name: str
    data: bytes


def files_of(stack: Stack) -> Iterator[Kept]:
    """Yield the logs of all and the data of servers; PostgreSQL's data are its tables, which `tables_of` reads."""
    for path in sorted(stack.folder.rglob("*")):
        if path.is_relative_to(stack.folder / postgres.NAME) or not path.is_file() or path.is_symlink():
            continue
        kind = _log_of(path.name) if path.is_relative_to(stack.infra.folder.logs) else "server file"
        yield Kept(kind, str(path.relative_to(stack.folder)), path.read_bytes())


def _log_of(file_name: str) -> str:
    servers = {postgres.NAME: postgres.NAME, valkey.NAME: valkey.NAME, seaweed.NAME: seaweed.NAME, "weed": seaweed.NAME}
    return f"{servers.get(file_name.partition('.')[0], 'service')} log"


async def streams_of(stack: Stack) -> AsyncIterator[Kept]:
    """Yield every key of Redis with its value."""
    async with Redis.from_url(stack.infra.redis_url) as redis:
        async for key in redis.scan_iter(count=1000):
            kind = "dead letter" if b":dlq:" in key else "redis"
            yield Kept(kind, key.decode("utf-8", "replace"), repr((key, await _value(redis, key))).encode())


async def servers_say(stack: Stack) -> AsyncIterator[Kept]:
    """Yield what PostgreSQL and Redis tell operators of who is connected and what is asked at this moment."""
    async with Redis.from_url(stack.infra.redis_url) as redis:
        answers = [await _ask(redis, *line) for line in (("SLOWLOG", "GET", "-1"), ("CLIENT", "LIST"), ("INFO", "ALL"))]
        yield Kept("redis server", "slow commands, clients", repr(answers).encode())
    with psycopg.connect(stack.infra.admin_url) as connection:
        asked = connection.execute("select query, application_name from pg_stat_activity").fetchall()
        yield Kept("statement", "pg_stat_activity", repr(asked).encode())


async def _value(redis: Redis, key: bytes) -> object:
    kind = cast("bytes", await redis.type(key)).decode()
    if kind == "stream":
        return await redis.xrange(key), await redis.xinfo_groups(key)
    command = {"string": "GET", "hash": "HGETALL", "set": "SMEMBERS", "zset": "ZRANGE", "list": "LRANGE"}[kind]
    whole = ("0", "-1") if kind in ("zset", "list") else ()
    return await _ask(redis, command, key, *whole)


async def _ask(redis: Redis, *line: str | bytes) -> object:
    return await cast("Awaitable[object]", redis.execute_command(*line))  # type: ignore[no-untyped-call]  # the client's


def objects_of(stack: Stack) -> Iterator[Kept]:
    """Yield every object of every bucket three times: its name, what is said of it, and its bytes."""
    store = stack.infra.object_store
    client = Minio(store.endpoint, store.access_key, store.secret_key, secure=store.secure)
    for bucket in client.list_buckets():
        for found in client.list_objects(bucket.name, recursive=True):
            name = f"{bucket.name}/{found.object_name}"
            response = client.get_object(bucket.name, found.object_name or "")
            try:
                yield Kept("object name", name, name.encode())
                yield Kept("object headers", name, repr(dict(response.headers)).encode())
                yield Kept("object", name, response.read())
            finally:
                response.close()
                response.release_conn()


def tables_of(stack: Stack) -> Iterator[Kept]:
    """Yield every column of every table as text; `name` is schema.table.column."""
    with psycopg.connect(stack.infra.admin_url) as connection:
        for schema, table, column in connection.execute(_COLUMNS, (list(SYSTEM_SCHEMAS),)).fetchall():
            query = sql.SQL("select {}::text from {}").format(sql.Identifier(column), sql.Identifier(schema, table))
            values = (str(value) for (value,) in connection.execute(query) if value is not None)
            yield Kept("database column", f"{schema}.{table}.{column}", "\n".join(values).encode())


# A partition's rows are its parent's.
_COLUMNS = """
select n.nspname, c.relname, a.attname from pg_class c join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where n.nspname <> all (%s) and c.relkind in ('r', 'p', 'm') and not c.relispartition order by 1, 2, a.attnum"""


def pages_of(stack: Stack) -> Iterator[Kept]:
    """Yield what each process says of itself: /metrics and /health."""
    with httpx.Client(trust_env=False, timeout=PAGE_TIMEOUT_S) as http:
        for process in stack.processes.values():
            for path, kind in (("/metrics", "metrics page"), ("/health", "health page")):
                yield Kept(kind, process.name, http.get(f"{process.url}{path}").content)
