"""Gateways for the tests of this service."""

from collections.abc import AsyncIterator

import pytest

from libs.devstack.infra import Infra
from services.gateway.tests.gateway_world import GatewayWorld, gateway_world


@pytest.fixture
async def world(infra: Infra) -> AsyncIterator[GatewayWorld]:
    """A gateway with an organization of this test's own."""
    async with gateway_world(infra) as opened:
        yield opened
