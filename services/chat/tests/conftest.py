"""What the chat's tests on a real database share."""

from collections.abc import AsyncIterator

import pytest

from libs.common.database.transaction import Database
from libs.contracts.problems import REFUSALS
from libs.contracts.tests.tenant import Tenant
from libs.devstack.infra import Infra
from services.chat.tests.store_world import StoreWorld


@pytest.fixture
async def world(infra: Infra, tenant: Tenant) -> AsyncIterator[StoreWorld]:
    consent = Database(infra.database_url("consent"), REFUSALS)
    database = Database(infra.database_url("chat"), REFUSALS)
    one = StoreWorld(tenant, consent, database)
    await one.change_consent("granted")
    yield one
    await consent.close()
    await database.close()
