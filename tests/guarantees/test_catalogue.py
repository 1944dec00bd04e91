"""The database's own catalogue, walked: no table, function or role, now or later, may break a rule.

The rules are those of docs/security/isolation.md, "The proofs".
"""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from libs.contracts.services import SERVICES
from libs.devstack.infra import Infra

# Mechanism that holds ids and small facts only; services may not read the outbox at all.
WITHOUT_ROW_SECURITY = {"outbox", "inbox", "claim", "alembic_version", "model"}


@pytest.fixture(scope="module")
def catalogue(infra: Infra) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(infra.admin_url, autocommit=True) as connection:
        yield connection


def _rows(catalogue: psycopg.Connection[Any], query: str) -> list[tuple[Any, ...]]:
    return catalogue.execute(query.replace("SCHEMAS", repr(SERVICES)).encode()).fetchall()


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


def test_no_service_may_read_an_outbox_and_the_relay_may_read_nothing_else_and_operators_what_was_applied(
    catalogue: psycopg.Connection[Any],
) -> None:
    readable = _rows(
        catalogue,
        "select n.nspname, c.relname, r.rolname from pg_class c join pg_namespace n on n.oid = c.relnamespace, "
        "pg_roles r where n.nspname in SCHEMAS and c.relkind in ('r', 'p', 'v', 'm') and r.rolname like 'svc_%' "
        "and has_table_privilege(r.oid, c.oid, 'select')",
    )

    assert {role for _, table, role in readable if table == "outbox"} == {"svc_relay", "svc_ops"}
    assert {table for _, table, role in readable if role == "svc_relay"} == {"outbox"}
    assert {table for _, table, role in readable if role == "svc_ops"} == {"outbox", "inbox"}


def test_operators_read_no_table_but_archives_and_their_own_record_and_change_none(
    catalogue: psycopg.Connection[Any],
) -> None:
    able = _rows(
        catalogue,
        "select n.nspname || '.' || c.relname, has_any_column_privilege('svc_ops', c.oid, 'select'), "
        "has_any_column_privilege('svc_ops', c.oid, 'insert'), has_any_column_privilege('svc_ops', c.oid, 'update') "
        "or has_table_privilege('svc_ops', c.oid, 'delete, truncate') "
        "from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'",
    )

    archives = {f"{schema}.{table}" for schema in SERVICES for table in ("outbox", "inbox")}
    read = {name for name, reads, _, _ in able if reads}

    # The kernel's tests make a schema of their own, and the tools' tests grant themselves its archive.
    assert {name for name in read if not name.startswith("kernel.")} == archives | {"ops.action"}
    assert {name for name, _, inserts, _ in able if inserts} == {"ops.action"}
    assert [name for name, _, _, changes in able if changes] == []


def test_the_owner_of_the_operators_functions_cannot_log_in_and_sees_ids_and_statuses_only(
    catalogue: psycopg.Connection[Any],
) -> None:
    seen = _rows(
        catalogue,
        "select n.nspname || '.' || c.relname || '.' || a.attname from pg_class c "
        "join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid "
        "where n.nspname in SCHEMAS and c.relkind in ('r', 'p', 'v', 'm') and a.attnum > 0 and not a.attisdropped "
        "and has_column_privilege('owner_ops', c.oid, a.attnum, 'select')",
    )
    login = _rows(catalogue, "select rolcanlogin from pg_roles where rolname = 'owner_ops'")

    session = ("organization_id", "patient_id", "therapist_id", "session_id", "status", "updated_at")
    current = ("organization_id", "patient_id", "therapist_id", "consent_type", "status")
    allowed = {f"ingestion.session.{name}" for name in session} | {f"consent.current.{name}" for name in current}

    assert {name for (name,) in seen} == allowed
    assert login == [(False,)]


def test_a_service_role_touches_only_the_tables_of_its_own_schema(catalogue: psycopg.Connection[Any]) -> None:
    foreign = _rows(
        catalogue,
        "select r.rolname, n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace, "
        "pg_roles r where n.nspname in SCHEMAS and c.relkind in ('r', 'p', 'v', 'm') and r.rolname like 'svc_%' "
        "and r.rolname not in ('svc_relay', 'svc_ops', 'svc_' || n.nspname) and "
        "(has_table_privilege(r.oid, c.oid, 'select') or "
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
        "where (n.nspname in SCHEMAS or n.nspname in ('ctx', 'ops')) and p.prosecdef and "
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
