"""No value that PostgreSQL can keep as a time fails the page it is on."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from libs.common.clock import to_json_time
from libs.common.database.transaction import Database
from libs.common.local_time import EARLIEST, LATEST
from libs.common.tests.kernel_world import PASSWORD, make_schema
from libs.devstack.infra import Infra


@pytest.fixture
async def database(infra: Infra) -> AsyncIterator[Database]:
    make_schema(infra)
    opened = Database(infra.url_of("svc_kernel", PASSWORD))
    yield opened
    await opened.close()


async def _read(database: Database, zone: str, *values: str) -> list[datetime]:
    rows = ", ".join(f"(timestamptz '{value}')" for value in values)
    async with database.without_capability() as tx:
        await tx.execute(text(f"set local time zone '{zone}'"))
        return list((await tx.execute(text(f"select at from (values {rows}) as t (at)"))).scalars())


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/New_York", "Etc/GMT+12"])
async def test_times_that_no_datetime_can_be_are_read_as_the_nearest_that_can(database: Database, zone: str) -> None:
    too_late = ["infinity", "10000-01-01 11:59:59Z", "10000-01-01 00:00:00Z", "294276-12-31 00:00:00Z"]
    too_early = ["-infinity", "4713-01-02 00:00:00Z BC", "0001-12-31 23:59:59Z BC"]

    late, early = await _read(database, zone, *too_late), await _read(database, zone, *too_early)

    assert {to_json_time(at) for at in late} == {to_json_time(LATEST)}
    assert {to_json_time(at) for at in early} == {to_json_time(EARLIEST)}


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12"])
async def test_all_other_times_are_read_as_they_are(database: Database, zone: str) -> None:
    kept = ["0001-01-01T00:00:00+00:00", "2026-09-08T15:00:00.000001+00:00", "9999-12-31T23:59:59.999999+00:00"]

    assert [at.astimezone(UTC).isoformat() for at in await _read(database, zone, *kept)] == kept
