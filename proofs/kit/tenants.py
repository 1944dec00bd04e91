"""Two tenants with a row of each in every table there is, now or later: what an attack must neither see nor change.

The rows are made from the catalogue, by a superuser who plays replica, so a new table is attacked from its first day.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from libs.common.clock import utc_now
from libs.common.ids import new_id
from libs.contracts.capability import Minter
from libs.contracts.ids import OrganizationId
from libs.contracts.services import SERVICES
from libs.devstack.infra import Infra
from proofs.kit.tokens import all_scopes, claims_of

DIMENSIONS = 384
FOLLOWS_FROM_OTHERS = "TR405"

_TABLES = """
select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any (%s) and c.relkind in ('r', 'p') and not c.relispartition
  and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'organization_id'
              and not a.attisdropped)
order by 1, 2"""
_COLUMNS = """
select a.attname, t.typname,
       coalesce((select string_agg(pg_get_constraintdef(k.oid), ' ') from pg_constraint k
                 where k.conrelid = a.attrelid and k.contype = 'c' and a.attnum = any (k.conkey)), '')
from pg_attribute a join pg_type t on t.oid = a.atttypid
where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped
  -- What has not happened yet (revoked, redacted, destroyed) has no time.
  and (a.attnotnull or t.typname <> 'timestamptz')
  and a.attgenerated = '' and a.attidentity = ''
order by a.attnum"""


@dataclass(frozen=True)
class SeededTenant:
    """One tenant: ids that only its own requests may meet, and a word that stands in every text it has."""

    organization_id: UUID = field(default_factory=new_id)
    patient_id: UUID = field(default_factory=new_id)
    therapist_id: UUID = field(default_factory=new_id)
    session_id: UUID = field(default_factory=new_id)
    canary: str = field(default_factory=lambda: f"canary{uuid4().hex}")
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def marks(self) -> Sequence[str]:
        """What shows, wherever it is seen, that something of this tenant was seen."""
        ids = (self.organization_id, self.patient_id, self.therapist_id, self.session_id)
        return (self.canary, *(text for value in ids for text in (str(value), value.hex)))

    def capability(self, infra: Infra, *scopes: str) -> str:
        """Return a token of this tenant, with every scope there is unless some are named."""
        minter = Minter(infra.capability_key_id, infra.capability_key)
        return minter.mint(claims_of(OrganizationId(self.organization_id), *(scopes or all_scopes())))


def seed_tenant(infra: Infra) -> SeededTenant:
    """Make a tenant with a row in every table of every service."""
    tenant = SeededTenant()
    with psycopg.connect(infra.admin_url) as connection:
        # Checks and the ledger's ALWAYS triggers hold all the same; foreign keys and consent are not what is attacked.
        connection.execute("set local session_replication_role = replica")
        connection.execute("select set_config('ctx.token', %s, true)", (tenant.capability(infra),))
        tables = connection.execute(_TABLES, (list(SERVICES),)).fetchall()
        for schema, table in tables:
            _fill(connection, tenant, schema, table)
        for schema, table in tables:
            _count(connection, tenant, schema, table)
    return tenant


def _fill(connection: psycopg.Connection[Any], tenant: SeededTenant, schema: str, table: str) -> None:
    name = sql.Identifier(schema, table)
    columns = connection.execute(_COLUMNS, (f"{schema}.{table}",)).fetchall()
    values = {column: _value(tenant, column, kind, checks) for column, kind, checks in columns}
    statement = sql.SQL("insert into {} ({}) values ({}) on conflict do nothing").format(
        name, sql.SQL(", ").join(map(sql.Identifier, values)), sql.SQL(", ").join(sql.Placeholder() * len(values))
    )
    try:
        with connection.transaction():
            connection.execute(statement, list(values.values()))
    except psycopg.Error as refused:
        # What follows from the ledger's entries is written by their triggers alone.
        if refused.sqlstate != FOLLOWS_FROM_OTHERS:
            raise


def _count(connection: psycopg.Connection[Any], tenant: SeededTenant, schema: str, table: str) -> None:
    name = sql.Identifier(schema, table)
    found = connection.execute(
        sql.SQL("select count(*) from {} where organization_id = %s").format(name), (tenant.organization_id,)
    ).fetchone()
    tenant.rows[f"{schema}.{table}"] = int(found[0]) if found else 0


def _value(tenant: SeededTenant, column: str, kind: str, checks: str) -> Any:
    named: Mapping[str, Any] = {
        "organization_id": tenant.organization_id,
        "patient_id": tenant.patient_id,
        "therapist_id": tenant.therapist_id,
        "session_id": tenant.session_id,
        "language": "en",
        "country": "DE",
        "crisis_lines": Jsonb([{"name": tenant.canary, "contact": "0800"}]),
    }
    if column in named:
        return named[column]
    if kind == "text":
        return _text(tenant.canary, column, checks)
    if kind == "bytea" and "sha256(" in checks:
        return hashlib.sha256(tenant.canary.encode()).digest()
    if kind == "bytea":
        length = re.search(rf"length\({column}\) = (\d+)", checks)
        return hashlib.sha512(tenant.canary.encode()).digest()[: int(length[1]) if length else 64]
    return _PLAIN[kind]()


def _text(canary: str, column: str, checks: str) -> str:
    if listed := re.search(rf"\({column} = ANY \(ARRAY\['([^']+)'", checks):
        return listed[1]
    if digits := re.search(rf"{column} ~ '\^\[0-9a-f\]\{{(\d+)\}}\$'", checks):
        return hashlib.sha256(canary.encode()).hexdigest()[: int(digits[1])]
    length = re.search(rf"length\({column}\) = (\d+)", checks)
    return canary[: int(length[1])] if length else canary


_PLAIN: Mapping[str, Any] = {
    "uuid": new_id,
    "timestamptz": utc_now,
    "date": lambda: utc_now().date(),
    "int2": lambda: 1,
    "int4": lambda: 1,
    "int8": lambda: 1,
    "float4": lambda: 1.0,
    "float8": lambda: 1.0,
    "numeric": lambda: 1,
    "bool": lambda: True,
    "jsonb": lambda: "{}",
    "_text": lambda: ["canary"],
    "_uuid": lambda: [new_id()],
    "_int4": lambda: [1, 1],
    "halfvec": lambda: str([0.1] * DIMENSIONS),
    "_halfvec": lambda: [str([0.1] * DIMENSIONS)],
    "_tsvector": lambda: ["canary1"],
}
