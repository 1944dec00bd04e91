"""Gateways for the tests of this service."""

from collections.abc import AsyncIterator

import pytest

from libs.devstack.infra import Infra
from services.gateway.tests.door_world import Door, door


@pytest.fixture
async def clinic(infra: Infra) -> AsyncIterator[Door]:
    """A gateway with an organization of this test's own."""
    async with door(infra) as opened:
        yield opened
