"""What the embedder's tests on a real database share."""

from collections.abc import AsyncIterator

import pytest

from libs.common.database.transaction import Database
from libs.contracts.problems import REFUSALS
from libs.contracts.tests.tenant import Tenant
from libs.devstack.infra import Infra
from services.embedder.tests.archive import Archive


@pytest.fixture
async def archive(infra: Infra, tenant: Tenant) -> AsyncIterator[Archive]:
    consent = Database(infra.database_url("consent"), REFUSALS)
    database = Database(infra.database_url("embedder"), REFUSALS)
    one = Archive(infra, tenant, consent, database)
    await one.change_consent("granted")
    yield one
    await consent.close()
    await database.close()
