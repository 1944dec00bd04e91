"""Organizations for the tests of the whole system."""

from collections.abc import AsyncIterator

import pytest

from libs.devstack.stack import Stack
from tests.e2e.client import World


@pytest.fixture
async def world(stack: Stack) -> AsyncIterator[World]:
    """A new organization with a therapist and a patient."""
    made = await World.open(stack.gateway_url, stack.operator_token)
    yield made
    await made.close()


@pytest.fixture
async def other_organization(stack: Stack) -> AsyncIterator[World]:
    """Somebody else."""
    made = await World.open(stack.gateway_url, stack.operator_token)
    yield made
    await made.close()
