"""A migration repairs the times that are there and keeps such out, without a policy for the owner."""

import psycopg
import pytest

from libs.common.database.time_columns import keep_readable
from libs.common.tests.kernel_world import make_schema
from libs.devstack.infra import Infra


class _Operations:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def execute(self, sqltext: str) -> None:
        self._connection.execute(sqltext.encode())


def test_what_nobody_can_read_becomes_the_nearest_time_and_all_else_stays(infra: Infra) -> None:
    make_schema(infra)
    times = ("infinity", "10000-01-01 00:00Z", "2026-09-08 15:00Z", "9999-12-31 23:59:59.999999Z", "0044-03-15 BC")
    with psycopg.connect(infra.admin_url) as admin:
        admin.execute("set role owner_kernel")
        admin.execute("create table kernel.dated (number int, at timestamptz)")
        for number, at in enumerate((*times, None)):
            admin.execute("insert into kernel.dated values (%s, %s)", (number, at))
        admin.execute("alter table kernel.dated enable row level security")
        admin.execute("alter table kernel.dated force row level security")

        keep_readable(_Operations(admin), "kernel.dated", "at")

        assert admin.execute("select count(*) from kernel.dated").fetchone() == (0,)  # forced again
        admin.execute("reset role")
        rows = admin.execute(
            "select to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') from kernel.dated order by number"
        )
        latest = "9999-12-31 23:59"
        assert [at for (at,) in rows] == [latest, latest, "2026-09-08 15:00", latest, "0001-01-01 00:00", None]
        with pytest.raises(psycopg.errors.CheckViolation):
            admin.execute("insert into kernel.dated values (9, 'infinity')")
        admin.rollback()
