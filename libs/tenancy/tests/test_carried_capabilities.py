"""An event carries a capability of its own: no service sees it, and it ends with what it follows from (ADR 0003)."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

from libs.common import capability
from libs.common.clock import utc_now
from libs.common.database.transaction import Database
from libs.common.ids import new_id
from libs.common.tests.kernel_world import PASSWORD, make_schema, token
from libs.contracts.capability import CARRIED, Minter, parse
from libs.devstack.infra import Infra

EMIT = (
    "insert into outbox (id, topic, key, type, version, payload, headers) values"
    " (:id, 'x', 'x', 'x', 1, jsonb_build_object('organization_id', cast(:org as text)), '{}')"
)


@pytest.fixture
async def database(infra: Infra) -> AsyncIterator[Database]:
    make_schema(infra)
    opened = Database(infra.url_of("svc_kernel", PASSWORD))
    yield opened
    await opened.close()


def _stamped(infra: Infra, event_id: UUID) -> str:
    with psycopg.connect(infra.admin_url) as admin:
        row = admin.execute("select headers ->> 'capability' from kernel.outbox where id = %s", (event_id,)).fetchone()
    assert row is not None
    return str(row[0])


async def test_an_event_carries_a_capability_that_the_service_never_sees(infra: Infra, database: Database) -> None:
    organization_id, event_id = new_id(), new_id()
    with capability.acting_under(token(infra, organization_id)):
        async with database.transaction() as tx:
            await tx.execute(text(EMIT), {"id": event_id, "org": str(organization_id)})
        with pytest.raises(Exception, match="permission denied"):
            async with database.transaction() as tx:
                await tx.execute(text(f"{EMIT} returning headers"), {"id": new_id(), "org": str(organization_id)})

    stamped = parse(_stamped(infra, event_id))

    assert stamped.organization_id == organization_id
    assert stamped.scopes == {"kernel:write", CARRIED}
    assert timedelta(days=29) < stamped.expires_at - utc_now() < timedelta(days=31)


async def test_what_follows_from_an_event_ends_when_the_event_does_even_in_its_last_hour(
    infra: Infra, database: Database
) -> None:
    organization_id = new_id()
    claims = replace(
        parse(token(infra, organization_id)),
        scopes=frozenset({"kernel:write", CARRIED}),
        expires_at=(utc_now() + timedelta(minutes=30)).replace(microsecond=0),
    )
    event_id = new_id()

    with capability.acting_under(Minter(infra.capability_key_id, infra.capability_key).mint(claims)):
        async with database.transaction() as tx:
            await tx.execute(text(EMIT), {"id": event_id, "org": str(organization_id)})

    stamped = parse(_stamped(infra, event_id))

    assert (stamped.expires_at, stamped.scopes) == (claims.expires_at, claims.scopes)
