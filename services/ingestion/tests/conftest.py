"""What ingestion's tests on real servers share."""

import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from libs.contracts.tests.tenant import Tenant
from libs.devstack.conditions import block_until
from libs.devstack.infra import Infra
from libs.devstack.services import ledger_key
from services.ingestion.tests.ingestion_world import World, world

START_WITHIN_S = 30.0


@pytest.fixture(scope="session")
def consent_url(infra: Infra) -> Iterator[str]:
    """The real consent service, as a process: its code is not this service's to import."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "ENV": "test",
        "PORT": str(port),
        "DATABASE_URL": infra.database_url("consent"),
        "REDIS_URL": infra.redis_url,
        "LEDGER_KEY_FILE": str(ledger_key(infra.folder)),
        **infra.object_store.environment(),
    }
    arguments = [sys.executable, "-m", "services.consent", "api"]
    process = subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    def answers() -> bool:
        assert process.poll() is None, "the consent service ended at its start"
        try:
            return httpx.get(url).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    block_until(answers, START_WITHIN_S, every_s=0.05)


@pytest.fixture
async def at(infra: Infra, tenant: Tenant, consent_url: str) -> AsyncIterator[World]:
    """The organization of this test's own tenant."""
    async with world(infra, tenant, consent_url) as one:
        yield one
