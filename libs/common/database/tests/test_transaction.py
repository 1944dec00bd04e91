"""No transaction starts without a capability, and the database believes only one that was signed."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from libs.common import capability
from libs.common.database.transaction import Database
from libs.common.errors import UNAVAILABLE, AppError
from libs.common.ids import new_id
from libs.common.tests.kernel_world import PASSWORD, TENANT, make_schema, token
from libs.devstack.capabilities import signed
from libs.devstack.infra import Infra

INSERT = text("insert into effect (tenant_id, thing_id, number) values (:org, :thing, 1)")
COUNT = text("select count(*) from effect where tenant_id = :org")


@pytest.fixture
async def database(infra: Infra) -> AsyncIterator[Database]:
    make_schema(infra)
    opened = Database(infra.url_of("svc_kernel", PASSWORD))
    yield opened
    await opened.close()


async def _count(database: Database, capability_token: str, tenant_id: UUID) -> int:
    with capability.acting_under(capability_token):
        async with database.transaction() as tx:
            return int((await tx.execute(COUNT, {"org": tenant_id})).scalar_one())


async def _insert(database: Database, capability_token: str, tenant_id: UUID) -> None:
    with capability.acting_under(capability_token):
        async with database.transaction() as tx:
            await tx.execute(INSERT, {"org": tenant_id, "thing": new_id()})


async def test_without_a_capability_no_transaction_opens(database: Database) -> None:
    with pytest.raises(AppError) as refused:
        async with database.transaction():
            pytest.fail("it opened")

    assert refused.value.problem.slug == "unauthenticated"


async def test_rows_of_another_tenant_are_neither_seen_nor_written(infra: Infra, database: Database) -> None:
    mine, theirs = new_id(), new_id()
    await _insert(database, token(infra, theirs), theirs)

    with pytest.raises(Exception, match="row-level security"):
        await _insert(database, token(infra, mine), theirs)

    assert await _count(database, token(infra, mine), theirs) == 0
    assert await _count(database, token(infra, theirs), theirs) == 1


FORGERIES: dict[str, Callable[[str], str]] = {
    "another tenant": lambda t: t.replace(t.split("|")[3], str(new_id())),
    "a later expiry": lambda t: t.replace(t.split("|")[2], str(int(t.split("|")[2]) + 3600)),
    "a wider scope": lambda t: t.replace("kernel:write", "kernel:write,other:write"),
    "no signature": lambda t: t.rpartition("|")[0] + "|" + "0" * 64,
    "a cut signature": lambda t: t[:-1],
    "an unknown key id": lambda t: t.replace(f"|{t.split('|')[1]}|", "|k9|", 1),
    "another version": lambda t: "v2" + t[2:],
    "nothing": lambda _: "",
    "a very long one": lambda t: t + "0" * 5000,
    "sql": lambda _: "v1'; drop table effect; --",
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
async def test_a_forged_capability_opens_nothing(infra: Infra, database: Database, forge: Callable[[str], str]) -> None:
    with pytest.raises(AppError) as refused:
        await _count(database, forge(token(infra, new_id())), new_id())

    assert refused.value.problem.slug == "unauthenticated"


async def test_an_expired_capability_opens_nothing(infra: Infra, database: Database) -> None:
    old = signed(infra, new_id(), "kernel:write", lifetime=timedelta(seconds=-1))

    with pytest.raises(AppError) as refused:
        await _count(database, old, new_id())

    assert refused.value.problem.slug == "unauthenticated"


async def test_a_setting_made_by_hand_is_not_believed(infra: Infra, database: Database) -> None:
    tenant_id = new_id()
    await _insert(database, token(infra, tenant_id), tenant_id)

    async with database.without_capability() as tx:
        await tx.execute(text("select set_config('ctx.token', :t, true)"), {"t": "v1|k1|9999999999|" + "x|" * 7})
        seen = (await tx.execute(COUNT, {"org": tenant_id})).scalar_one()

    assert seen == 0


async def test_a_capability_without_the_scope_sees_nothing(infra: Infra, database: Database) -> None:
    tenant_id = new_id()
    await _insert(database, token(infra, tenant_id), tenant_id)

    other = signed(infra, tenant_id, "other:write")

    assert await _count(database, other, tenant_id) == 0


async def test_the_service_role_can_neither_read_its_outbox_nor_the_key(infra: Infra, database: Database) -> None:
    for query in (
        "select * from outbox",
        "select * from ctx.mac_key",
        "select ctx.sign('x', 'k1')",
        f"""select ctx.carry('{{"{TENANT}": "x"}}')""",
    ):
        with pytest.raises(Exception, match="permission denied"), capability.acting_under(token(infra, new_id())):
            async with database.transaction() as tx:
                await tx.execute(text(query))


_EMIT = (
    "insert into outbox (id, topic, key, type, version, payload, headers) values (:id, 'x', 'x', 'x', 1, {}, '{{}}')"
)


async def test_no_event_leaves_for_another_tenant(infra: Infra, database: Database) -> None:
    emit = _EMIT.format(f"jsonb_build_object('{TENANT}', cast(:org as text))")

    with pytest.raises(AppError), capability.acting_under(token(infra, new_id())):
        async with database.transaction() as tx:
            await tx.execute(text(emit), {"id": new_id(), "org": str(new_id())})


@pytest.mark.parametrize(
    "statement",
    [
        "select event_id from inbox",
        "select event_id from claim",
        "insert into inbox (grp, event_id) values ('kernel', gen_random_uuid())",
        "update claim set until = now()",
        "delete from claim",
    ],
)
async def test_sql_of_a_service_cannot_swallow_an_event_whose_id_it_does_not_know(
    infra: Infra, database: Database, statement: str
) -> None:
    with pytest.raises(Exception, match="permission denied"), capability.acting_under(token(infra, new_id())):
        async with database.transaction() as tx:
            await tx.execute(text(statement))


async def test_a_database_that_is_not_there_is_unavailable() -> None:
    nowhere = Database("postgresql+psycopg://nobody:x@127.0.0.1:1/nothing")

    with pytest.raises(AppError) as down:
        await nowhere.ping()

    assert down.value.problem is UNAVAILABLE
    await nowhere.close()
