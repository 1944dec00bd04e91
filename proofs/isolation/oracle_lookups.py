"""Part of the oracle proof: functions that find whose row has an id say nothing of rows that may not be seen.

They look past row-level security, so each is asked for ids of foreign rows and for ids that no row has: the answer must
be the same, and so must the pages that were read for it (`EXPLAIN (ANALYZE, BUFFERS)`).
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import uuid4

import psycopg

_LOOKUPS = """
select p.oid::regproc::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where n.nspname = %s and p.proname like 'narrow\\_to\\_%%'
  and has_function_privilege(%s, p.oid, 'execute') order by 1"""
# What another backend does to the catalogue's caches adds a page now and then, and never takes one away.
_TRIES = 3
# Other databases of the server are created and migrated meanwhile: what is told is told every time it is asked.
_ROUNDS = 5
# A plan that was made before would hide what a pushed planner chooses.
_PUSHES = (
    "select 1",
    "discard plans; set local enable_indexonlyscan = off; set local enable_indexscan = on",
    "discard plans; set local enable_seqscan = on; set local random_page_cost = 1000",
)


def lookups_of(admin: psycopg.Connection[Any], schema: str) -> Sequence[str]:
    """Return the functions of a schema by which its login asks whose row has an id."""
    return [str(row[0]) for row in admin.execute(_LOOKUPS, (schema, f"svc_{schema}")).fetchall()]


def leaking_lookups(url: str, lookups: Sequence[str], known: Sequence[str], tokens: Iterable[str | None]) -> list[str]:
    """Return those that answer differently, or read more, for an id of a foreign row (`known`, as SQL literals)."""
    tokens = list(tokens)
    with psycopg.connect(
        url.replace("postgresql+psycopg://", "postgresql://", 1), autocommit=True, prepare_threshold=None
    ) as login:
        return [
            lookup
            for lookup in lookups
            if any(_tells(login, lookup, (push, token), known) for push in _PUSHES for token in tokens)
        ]


def _tells(login: psycopg.Connection[Any], lookup: str, how: tuple[str, str | None], known: Sequence[str]) -> bool:
    def differs(value: str) -> bool:
        return _asked(login, lookup, how, value) != _asked(login, lookup, how, f"'{uuid4()}'")

    return any(all(differs(value) for _ in range(_ROUNDS)) for value in known)


def _asked(login: psycopg.Connection[Any], lookup: str, how: tuple[str, str | None], value: str) -> tuple[Any, int]:
    push, token = how
    with login.transaction(force_rollback=True):
        if token:
            login.execute("select ctx.enter(%s)", (token,))
        login.execute(push.encode())
        answer = login.execute(f"select {lookup}({value})".encode()).fetchone()
        pages = min(_pages(login, f"select {lookup}({value})") for _ in range(_TRIES))
    return answer, pages


def _pages(login: psycopg.Connection[Any], statement: str) -> int:
    lines = login.execute(
        f"explain (analyze, buffers, timing off, summary off, costs off) {statement}".encode()
    ).fetchall()
    plan = "\n".join(str(line[0]) for line in lines).partition("Planning:")[0]
    return sum(int(count) for count in re.findall(r"(?:hit|read)=(\d+)", plan))
