"""The pool proof in the size of CI, and the one way into another's session that is left to close."""

import psycopg
import pytest
from sqlalchemy import text

from libs.common import capability
from libs.common.database.transaction import Database
from libs.devstack.infra import Infra
from proofs.isolation import pool
from proofs.kit.line import seed
from proofs.kit.tenants import seed_tenant

_PLANT = """
do $$
declare n text;
begin
  for n in select name from pg_prepared_statements where statement like '%ctx.enter%' loop
    execute format('deallocate %I', n);
    execute format('prepare %I(text) as select from chat.inbox_enter($1, array[gen_random_uuid()], array[0])', n);
  end loop;
end $$"""


@pytest.mark.slow
def test_requests_that_share_sessions_never_see_each_other(infra: Infra, capsys: pytest.CaptureFixture[str]) -> None:
    exit_code = pool.prove(infra, pool.REQUESTS, seed())

    line = capsys.readouterr().out

    assert exit_code == 0, line
    assert "foreign_rows=0 left_over=0" in line


async def test_sql_of_an_earlier_request_cannot_take_the_next_ones_capability(infra: Infra) -> None:
    attacker, victim = seed_tenant(infra), seed_tenant(infra)
    theirs = victim.capability(infra, "chat:write")
    database = Database(infra.database_url("chat"))
    for _ in range(8):  # the driver prepares what it has sent a few times
        with capability.acting_under(attacker.capability(infra, "chat:write")):
            async with database.transaction() as tx:
                await tx.execute(text("select 1"))
    with capability.acting_under(attacker.capability(infra, "chat:write")):
        async with database.transaction() as tx:
            await tx.execute(text(_PLANT))

    with capability.acting_under(theirs):
        async with database.transaction() as tx:
            await tx.execute(text("select 1"))

    await database.close()
    with psycopg.connect(infra.admin_url) as admin:
        stolen = admin.execute("select from chat.inbox where grp = %s", (theirs,)).fetchall()

    assert stolen == []
