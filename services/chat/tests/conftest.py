"""What the chat's tests on a real database share."""

from collections.abc import AsyncIterator

import pytest

from libs.common.database.transaction import Database
from libs.contracts.problems import REFUSALS
from libs.devstack.infra import Infra
from libs.devstack.pytest_plugin import Tenant
from services.chat.tests.desk import Desk


@pytest.fixture
async def desk(infra: Infra, tenant: Tenant) -> AsyncIterator[Desk]:
    consent = Database(infra.database_url("consent"), REFUSALS)
    database = Database(infra.database_url("chat"), REFUSALS)
    one = Desk(tenant, consent, database)
    await one.change_consent("granted")
    yield one
    await consent.close()
    await database.close()
