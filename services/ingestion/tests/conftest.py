"""What ingestion's tests on real servers share."""

from collections.abc import AsyncIterator, Iterator

import pytest

from libs.contracts.services import SERVICES
from libs.contracts.tests.tenant import Tenant
from libs.devstack.infra import Infra
from libs.devstack.services import ServiceProcess, Site, inherited
from services.ingestion.tests.ingestion_world import World, world


@pytest.fixture(scope="session")
def consent_url(infra: Infra) -> Iterator[str]:
    """The real consent service, as a process: its code is not this service's to import."""
    (port,) = infra.folder.ports("consent of these tests", 1)
    site = Site(
        infra=infra,
        ports=dict.fromkeys(SERVICES, 0) | {"consent": port},
        env="test",
        detached=False,
        inherited=inherited(with_vendor_keys=False),
    )
    process = ServiceProcess(site, "consent", "api", {})
    try:
        process.start()
        yield process.url
    finally:
        process.stop()


@pytest.fixture
async def at(infra: Infra, tenant: Tenant, consent_url: str) -> AsyncIterator[World]:
    """The organization of this test's own tenant."""
    async with world(infra, tenant, consent_url) as one:
        yield one
