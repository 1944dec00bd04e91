"""No statement of a login may use an index before its policies, so the policies themselves must be served by one."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from libs.contracts.services import SERVICES
from libs.devstack.infra import Infra

# Who made a key, and what a request came to, is noted without a patient.
WITHOUT_A_PATIENT = ("gateway.access_audit", "gateway.replay")
_BY_PATIENT = """
select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attname = 'patient_id' and not a.attisdropped
where n.nspname = %s and c.relkind in ('r', 'p') and c.relrowsecurity and not c.relispartition
  and has_any_column_privilege(%s, c.oid, 'select') order by 1"""


@pytest.fixture(scope="module")
def admin(infra: Infra) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(infra.admin_url, autocommit=True) as connection:
        yield connection


def _plan(admin: psycopg.Connection[Any], login: str, table: str) -> str:
    """Return how a login reads a table that has no index but those by patients."""
    with admin.transaction(force_rollback=True):
        # Tables are empty here, so that any index would do.
        admin.execute(
            "update pg_index i set indisvalid = false where i.indrelid = %s::regclass and not exists ("
            "select from pg_attribute a where a.attrelid = i.indrelid and a.attnum = i.indkey[1]"
            " and a.attname = 'patient_id')",
            (table,),
        )
        admin.execute(f"set local role svc_{login}".encode())
        admin.execute("set local enable_seqscan = off; set local enable_bitmapscan = off")
        lines = admin.execute(f"explain select * from {table}".encode()).fetchall()
    return "\n".join(line[0] for line in lines)


@pytest.mark.parametrize("login", SERVICES)
def test_rows_of_a_patient_are_reached_by_an_index_on_the_patient(admin: psycopg.Connection[Any], login: str) -> None:
    tables = [row[0] for row in admin.execute(_BY_PATIENT, (login, f"svc_{login}")).fetchall()]

    conditions = {
        table: [line for line in _plan(admin, login, table).splitlines() if "Index Cond:" in line]
        for table in tables
        if table not in WITHOUT_A_PATIENT
    }

    assert conditions
    assert [table for table, found in conditions.items() if not any("patient_id" in line for line in found)] == []
