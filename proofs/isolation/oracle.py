"""Proof: no plan, count or error tells whether a hidden row holds a value (`python -m proofs.isolation.oracle`).

Every service's login asks EXPLAIN (ANALYZE) for every column it may select, without a capability and with one of
another organization: once for a value that a foreign row holds, once for one that no row holds. What is told must not
differ, whichever way the planner is pushed. How PostgreSQL would tell it: deploy/postgres/comparisons.sql.
Ids are asked for like everything else, by their equality too. `lookups` are the functions that find whose row has an
id (proofs/isolation/oracle_lookups.py): neither their answer nor the pages they read may differ. Not asked: true, false
and null, which need no comparison (docs/security/isolation.md, what is visible all the same).
"""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql

from libs.contracts.services import SERVICES
from libs.devstack import infra as infrastructure
from libs.devstack import provision
from libs.devstack.infra import Infra
from proofs.isolation.oracle_lookups import leaking_lookups, lookups_of
from proofs.kit.line import proof, sized
from proofs.kit.tenants import SeededTenant, seed_tenant

NAME = "oracle"
TWO_VALUED = "bool"
_COLUMNS = """
select n.nspname, c.relname, a.attname, t.typname, format_type(a.atttypid, a.atttypmod)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
where n.nspname = %s and c.relkind in ('r', 'p') and c.relrowsecurity and not c.relispartition
  and has_column_privilege(%s, c.oid, a.attnum, 'select')
order by 2, a.attnum"""
# Ways to have a condition run early: a cheap array, an index from below or above, a join that an index may serve.
_BY_ORDER = (
    "select 1 from {table} t where t.{column} >= any (array[{value}]::{kind}[])"
    " and t.{column} <= any (array[{value}]::{kind}[])",
    "select 1 from {table} t where t.{column} between {value}::{kind} and {value}::{kind}",
)
_BY_EQUALITY = (
    "select 1 from {table} t where t.{column} = any (array(select {value}::{kind}))",
    "select 1 from {table} t where t.{column} = any (array[{value}]::{kind}[])",
    "select 1 from (values ({value}::{kind})) v (wanted) join {table} t on t.{column} = v.wanted",
)
_OF_TEXT = ("select 1 from {table} t where starts_with(t.{column}, {value})",)
_NO_INDEX = "set local enable_indexscan = off; set local enable_indexonlyscan = off; set local enable_bitmapscan = off"
_PUSHES = (
    "set local enable_seqscan = on",
    "set local enable_seqscan = off; set local enable_hashjoin = off; set local enable_mergejoin = off",
    _NO_INDEX,
    f"{_NO_INDEX}; set local cpu_operator_cost = 0",
)
_WORDS = "embedder.passage.content"
_COMPARISONS = ("texteq(text, text)", "text_ge(text, text)", "text_le(text, text)")
_ELSE = {
    "uuid": uuid4(),
    "_uuid": f"{{{uuid4()}}}",
    "_text": "{nowhere}",
    "timestamptz": "1912-06-23 12:00:00+00",
    "date": "1912-06-23",
    "jsonb": '{"no": "where"}',
}
# Statistics that are gathered meanwhile change a plan between two answers: what is told is told every time.
_ROUNDS = 3
_EXPLAIN = "explain (analyze, timing off, summary off, buffers off) "


@dataclass(frozen=True)
class Column:
    """A column that a login may select."""

    schema: str
    table: str
    name: str
    type: str
    kind: str

    def __str__(self) -> str:
        """Name it as SQL does."""
        return f"{self.schema}.{self.table}.{self.name}"


@dataclass(frozen=True)
class Probe:
    """One column, a value of a foreign row and one that no row has, both as SQL literals of the same length."""

    column: Column
    there: str
    nowhere: str

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield statements for both values."""
        for way in (*_BY_ORDER, *_BY_EQUALITY, *(_OF_TEXT if self.column.type == "text" else ())):
            yield self._asked(way, self.there), self._asked(way, self.nowhere)

    def _asked(self, way: str, value: str) -> str:
        column = self.column
        return way.format(table=f"{column.schema}.{column.table}", column=column.name, value=value, kind=column.kind)


def probes_of(admin: psycopg.Connection[Any], schema: str, victim: SeededTenant) -> Sequence[Probe]:
    """Return every column that the schema's login may select and the victim has a value in."""
    found = admin.execute(_COLUMNS, (schema, f"svc_{schema}")).fetchall()
    columns = [Column(*row) for row in found]
    made = [_probe(admin, column, victim) for column in columns if column.type != TWO_VALUED]
    return [probe for probe in made if probe]


def _probe(admin: psycopg.Connection[Any], column: Column, victim: SeededTenant) -> Probe | None:
    name = sql.SQL("{}.{}").format(sql.Identifier(column.schema), sql.Identifier(column.table))
    row = admin.execute(
        sql.SQL(
            "select quote_literal({c}::text) from {t} where organization_id = %s and {c} is not null limit 1"
        ).format(c=sql.Identifier(column.name), t=name),
        (victim.organization_id,),
    ).fetchone()
    if row is None:
        return None
    return Probe(column, row[0], _nowhere(column, row[0]))


def _nowhere(column: Column, literal: str) -> str:
    """Return a value of the same shape that no row has."""
    if column.type in {"bytea", "text"}:
        return literal[:-2] + ("0" if literal[-2] != "0" else "1") + literal[-1]
    if column.type in {"halfvec", "_halfvec", "tsvector", "_tsvector"}:
        return re.sub(r"\d", "7", literal)
    return f"'{_ELSE.get(column.type, '31337')}'"


class Asking:
    """One login, at the database with foreign rows and at an empty one of the same schema."""

    def __init__(self, database: psycopg.Connection[Any], empty: psycopg.Connection[Any]) -> None:
        self._database = database
        self._empty = empty

    def is_told(self, pairs: Iterable[tuple[str, str]], token: str | None) -> bool:
        """Tell whether any answer differs between a value that is there and one that is nowhere.

        What differs where there are no rows at all (a partition, or an index of one status, that the statement itself
        names) speaks of the statement.
        """
        return any(
            self._differ(self._database, push, pair, token) and not self._differ(self._empty, push, pair, token)
            for pair in pairs
            for push in _PUSHES
        )

    @staticmethod
    def _differ(connection: psycopg.Connection[Any], push: str, pair: tuple[str, str], token: str | None) -> bool:
        return all(
            _answer(connection, push, pair[0], token) != _answer(connection, push, pair[1], token)
            for _ in range(_ROUNDS)
        )


def _answer(connection: psycopg.Connection[Any], push: str, statement: str, token: str | None) -> str:
    try:
        with connection.transaction(force_rollback=True):
            if token:
                connection.execute("select ctx.enter(%s)", (token,))
            connection.execute(push.encode())
            lines = connection.execute((_EXPLAIN + statement).encode()).fetchall()
    except psycopg.Error as error:
        # A type without this comparison refuses both values alike.
        return f"{error.sqlstate}"
    return "\n".join(_without(line[0]) for line in lines)


def _without(line: str) -> str:
    # The condition repeats the value that was asked for; how it is written is no answer.
    return re.sub(r"'.*'|\b\d+(\.\d+)?", "?", line) if re.search("Cond|Filter:", line) else line


def prove(infra: Infra) -> int:
    """Ask as every login about every column; return the exit code."""
    victim, mine = seed_tenant(infra), SeededTenant()  # mine has no row: whatever is told is another's
    leaks: list[str] = []
    asked = lookups = 0
    with _empty_beside(infra) as empty, psycopg.connect(infra.admin_url, autocommit=True) as admin:
        for schema in sized(SERVICES[-2:], SERVICES, SERVICES):
            probes = probes_of(admin, schema, victim)
            asked += len(probes)
            leaks += _told((infra, empty), schema, mine, probes)
            known = sorted({probe.there for probe in probes if probe.column.type == "uuid"})
            found = lookups_of(admin, schema)
            lookups += len(found)
            leaks += leaking_lookups(infra.database_url(schema), found, known, (None, mine.capability(infra)))
        control = _control(admin, (infra, empty), mine, victim)
    for name in leaks:
        sys.stderr.write(f"told: {name}\n")
    good = not leaks and asked > 0 and control == 1
    return proof(NAME, good, columns=asked, lookups=lookups, told=len(leaks), control=control)


@contextmanager
def _empty_beside(infra: Infra) -> Iterator[Infra]:
    name = f"empty_{uuid4().hex[:12]}"
    try:
        yield infrastructure.provisioned(infra.folder, infra.servers, name)
    finally:
        provision.drop(infra.admin_url, name)


def _told(infras: tuple[Infra, Infra], schema: str, mine: SeededTenant, probes: Sequence[Probe]) -> list[str]:
    database, empty = (
        infra.database_url(schema).replace("postgresql+psycopg://", "postgresql://", 1) for infra in infras
    )
    with (
        psycopg.connect(database, autocommit=True, prepare_threshold=None) as full,
        psycopg.connect(empty, autocommit=True, prepare_threshold=None) as bare,
    ):
        asking, tokens = Asking(full, bare), (None, mine.capability(infras[0]))
        return [str(probe.column) for probe in probes if any(asking.is_told(probe.pairs(), token) for token in tokens)]


def _control(
    admin: psycopg.Connection[Any], infras: tuple[Infra, Infra], mine: SeededTenant, victim: SeededTenant
) -> int:
    """With its comparisons as PostgreSQL ships them, a column of words must be told."""
    words = [probe for probe in probes_of(admin, "embedder", victim) if str(probe.column) == _WORDS]
    for comparison in _COMPARISONS:
        admin.execute(f"alter function {comparison} leakproof".encode())
    try:
        return len(_told(infras, "embedder", mine, words))
    finally:
        for comparison in _COMPARISONS:
            admin.execute(f"alter function {comparison} not leakproof".encode())


def main() -> int:
    """Start a database of its own and ask."""
    with infrastructure.throwaway() as infra:
        return prove(infra)


if __name__ == "__main__":
    sys.exit(main())
