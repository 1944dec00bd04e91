"""The operators' world for the tests of this package."""

from collections.abc import Iterator

import pytest

from libs.devstack.infra import Infra
from libs.ops.tests.events_world import World, opened


@pytest.fixture
def world(infra: Infra) -> Iterator[World]:
    """A terminal with the real stores."""
    with opened(infra) as made:
        yield made
