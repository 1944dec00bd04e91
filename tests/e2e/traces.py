"""Looks for words in everything a system keeps: every column of every table, Redis, objects, logs; in several forms."""

import base64
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psycopg
from redis.asyncio import Redis

from libs.common.object_store import ObjectStore, StoreAddress
from libs.devstack.stack import Stack

SCHEMAS = ("gateway", "consent", "ingestion", "transcriber", "embedder", "chat", "ops", "ctx", "public")
CONSONANTS = "bcdfghjklmnpqrtvwxz"
STEM = 12
"""Full-text search cuts the ends of words, so the beginning of one is looked for."""


def canary() -> str:
    """Return a word that nobody can guess and no language has."""
    return "zq" + "".join(secrets.choice(CONSONANTS) for _ in range(18))


def forms(word: str) -> list[bytes]:
    """Return how a word may be written down: as it is, in hexadecimal, in base64 at each alignment."""
    stem = word[:STEM].encode()
    found = [stem, stem.hex().encode()]
    for shift in range(3):
        # Only whole groups of four letters do not depend on what stands around the word.
        encoded = base64.b64encode(bytes(shift) + stem)
        found.append(encoded[4 if shift else 0 : len(encoded) // 4 * 4 - 4])
    return found


@dataclass(frozen=True)
class Searched:
    """How much was looked at (objects by name), and where a word was found."""

    tables: int
    keys: int
    objects: Sequence[str]
    hits: Sequence[str]


async def search(stack: Stack, words: Iterable[str]) -> Searched:
    """Look for words everywhere."""
    wanted = [form for word in words for form in forms(word)]
    tables, in_tables = _in_database(stack, wanted)
    keys, in_keys = await _in_redis(stack, wanted)
    objects, in_objects = await _in_objects(stack, wanted)
    return Searched(tables, keys, objects, [*in_tables, *in_keys, *in_objects, *_in_logs(stack, wanted)])


def _in_database(stack: Stack, wanted: Sequence[bytes]) -> tuple[int, list[str]]:
    with psycopg.connect(stack.infra.admin_url) as connection:
        tables = [
            str(name)
            for (name,) in connection.execute(
                "select format('%%I.%%I', n.nspname, c.relname) from pg_class c join pg_namespace n"
                " on n.oid = c.relnamespace where n.nspname = any (%s) and c.relkind in ('r', 'p', 'm')"
                " and not c.relispartition",
                (list(SCHEMAS),),
            )
        ]
        hits = [
            table
            for table in tables
            for (row,) in connection.execute(f"select t::text from {table} t".encode())
            if _has(str(row).encode(), wanted)
        ]
    return len(tables), hits


async def _in_redis(stack: Stack, wanted: Sequence[bytes]) -> tuple[int, list[str]]:
    redis = Redis.from_url(stack.infra.redis_url)
    number, hits = 0, list[str]()
    async for key in redis.scan_iter(count=1000):
        number += 1
        if _has(repr((key, await _read(redis, key))).encode(), wanted):
            hits.append(f"redis {key!r}")
    await redis.aclose()
    return number, hits


async def _read(redis: Redis, key: bytes) -> object:
    named = await redis.type(key)
    kind = named.decode() if isinstance(named, bytes) else named
    command = {"string": "GET", "hash": "HGETALL", "set": "SMEMBERS", "zset": "ZRANGE", "list": "LRANGE"}
    if kind == "stream":
        return await redis.xrange(key)
    whole = ("0", "-1") if kind in ("zset", "list") else ()
    return await redis.execute_command(command[kind], key, *whole)  # type: ignore[no-untyped-call]  # the client's


async def _in_objects(stack: Stack, wanted: Sequence[bytes]) -> tuple[list[str], list[str]]:
    one = stack.infra.object_store
    store = ObjectStore(StoreAddress(one.endpoint, one.access_key, one.secret_key, one.bucket, secure=one.secure))
    listed = await store.page(None, 1000)
    hits = []
    for found in listed:
        async with store.get_stream(found.name) as chunks:
            body = b"".join([chunk async for chunk in chunks])
        if _has(found.name.encode() + body, wanted):
            hits.append(f"object {found.name}")
    return [found.name for found in listed], hits


def _in_logs(stack: Stack, wanted: Sequence[bytes]) -> list[str]:
    logs = sorted(stack.infra.folder.path.rglob("*.log"))
    return [f"log {log.name}" for log in logs if _has(log.read_bytes(), wanted)]


def _has(text: bytes, wanted: Sequence[bytes]) -> bool:
    lowered = text.lower()
    return any(form.lower() in lowered for form in wanted)
