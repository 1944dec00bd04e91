"""Clinics for the tests of the whole system."""

from collections.abc import AsyncIterator

import pytest

from libs.devstack.stack import Stack
from tests.e2e.client import Clinic


@pytest.fixture
async def clinic(stack: Stack) -> AsyncIterator[Clinic]:
    """A new organization with a therapist and a patient."""
    made = await Clinic.open(stack.gateway_url, stack.operator_token)
    yield made
    await made.close()


@pytest.fixture
async def other_clinic(stack: Stack) -> AsyncIterator[Clinic]:
    """Somebody else."""
    made = await Clinic.open(stack.gateway_url, stack.operator_token)
    yield made
    await made.close()
