"""Gateways for the tests of this service."""

from collections.abc import AsyncIterator

import pytest

from libs.devstack.infra import Infra
from services.gateway.tests.gateway_world import GatewayWorld, SharedGateway, shared_gateway


@pytest.fixture(scope="session")
async def shared(infra: Infra) -> AsyncIterator[SharedGateway]:
    """The gateway that all tests ask which need no other settings."""
    async with shared_gateway(infra) as one:
        yield one


@pytest.fixture
async def world(shared: SharedGateway) -> AsyncIterator[GatewayWorld]:
    """A gateway with an organization of this test's own."""
    async with shared.world() as opened:
        yield opened
