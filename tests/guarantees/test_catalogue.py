"""The database's own catalogue, walked: no table, function or role, now or later, may break a rule of SECURITY.md."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from libs.devstack.infra import Infra

SCHEMAS = ("gateway", "consent", "ingestion", "transcriber", "embedder", "chat")
# Mechanism that holds ids and small facts only; services may not read the outbox at all.
WITHOUT_ROW_SECURITY = {"outbox", "inbox", "claim", "alembic_version", "model"}


@pytest.fixture(scope="module")
def catalogue(infra: Infra) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(infra.admin_url, autocommit=True) as connection:
        yield connection


def _rows(catalogue: psycopg.Connection[Any], query: str) -> list[tuple[Any, ...]]:
    return catalogue.execute(query.replace("SCHEMAS", repr(SCHEMAS)).encode()).fetchall()


def test_every_table_of_a_service_forces_row_level_security(catalogue: psycopg.Connection[Any]) -> None:
    open_tables = _rows(
        catalogue,
        "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where n.nspname in SCHEMAS and c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity) "
        # The archive's weeks: nobody is granted a partition, so only the outbox above them answers.
        "and not (c.relispartition and c.relname like 'outbox\\_%' and c.relacl is null)",
    )

    assert [f"{schema}.{table}" for schema, table in open_tables if table not in WITHOUT_ROW_SECURITY] == []


def test_every_table_with_row_level_security_has_a_policy_and_an_organization(
    catalogue: psycopg.Connection[Any],
) -> None:
    bare = _rows(
        catalogue,
        "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where n.nspname in SCHEMAS and c.relkind in ('r', 'p') and c.relrowsecurity and not c.relispartition and not "
        "(exists (select from pg_policy p where p.polrelid = c.oid) and exists (select from pg_attribute a "
        "where a.attrelid = c.oid and a.attname = 'organization_id' and not a.attisdropped))",
    )

    assert bare == []


def test_no_service_may_read_an_outbox_and_the_relay_may_read_nothing_else(
    catalogue: psycopg.Connection[Any],
) -> None:
    readable = _rows(
        catalogue,
        "select n.nspname, c.relname, r.rolname from pg_class c join pg_namespace n on n.oid = c.relnamespace, "
        "pg_roles r where n.nspname in SCHEMAS and c.relkind in ('r', 'p', 'v', 'm') and r.rolname like 'svc_%' "
        "and has_table_privilege(r.oid, c.oid, 'select')",
    )

    assert {role for _, table, role in readable if table == "outbox"} == {"svc_relay"}
    assert {table for _, table, role in readable if role == "svc_relay"} == {"outbox"}


def test_a_service_role_touches_only_the_tables_of_its_own_schema(catalogue: psycopg.Connection[Any]) -> None:
    foreign = _rows(
        catalogue,
        "select r.rolname, n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace, "
        "pg_roles r where n.nspname in SCHEMAS and c.relkind in ('r', 'p', 'v', 'm') and r.rolname like 'svc_%' "
        "and r.rolname not in ('svc_relay', 'svc_' || n.nspname) and (has_table_privilege(r.oid, c.oid, 'select') or "
        "has_table_privilege(r.oid, c.oid, 'insert, update, delete, truncate'))",
    )

    assert foreign == []


def test_login_roles_own_nothing_belong_to_nothing_and_have_no_powers(catalogue: psycopg.Connection[Any]) -> None:
    powerful = _rows(
        catalogue,
        "select rolname from pg_roles r where rolname like 'svc_%' and (rolsuper or rolcreaterole or rolcreatedb or "
        "rolbypassrls or rolinherit or exists (select from pg_auth_members m where m.member = r.oid) "
        "or exists (select from pg_class c where c.relowner = r.oid))",
    )

    assert powerful == []


def test_functions_with_their_owners_rights_pin_their_search_path_and_are_not_open_to_all(
    catalogue: psycopg.Connection[Any],
) -> None:
    loose = _rows(
        catalogue,
        "select n.nspname || '.' || p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace "
        "where (n.nspname in SCHEMAS or n.nspname = 'ctx') and p.prosecdef and "
        "(not exists (select from unnest(p.proconfig) s where s like 'search_path=%') or "
        "has_function_privilege('public', p.oid, 'execute'))",
    )

    assert loose == []


def test_nobody_may_make_temporary_tables_or_objects_in_public(catalogue: psycopg.Connection[Any]) -> None:
    able = _rows(
        catalogue,
        "select rolname from pg_roles where rolname like 'svc_%' and "
        "(has_database_privilege(oid, current_database(), 'temporary') or "
        "has_schema_privilege(oid, 'public', 'create'))",
    )

    assert able == []
