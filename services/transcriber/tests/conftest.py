"""What the transcriber's tests on a real database share."""

from collections.abc import AsyncIterator

import pytest

from libs.common.database.transaction import Database
from libs.contracts.problems import REFUSALS
from libs.contracts.tests.tenant import Tenant
from libs.devstack.infra import Infra
from services.transcriber.tests.archive import Archive


@pytest.fixture
async def archive(infra: Infra, tenant: Tenant) -> AsyncIterator[Archive]:
    consent = Database(infra.database_url("consent"), REFUSALS)
    database = Database(infra.database_url("transcriber"), REFUSALS)
    made = Archive(infra, tenant, consent, database)
    await made.consent_is("granted")
    yield made
    await consent.close()
    await database.close()
