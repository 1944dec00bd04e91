"""Fixtures for every test: real servers that start when first asked for.

What the servers need (SQLAlchemy, Alembic, six services' addresses) is imported when a test asks for them:
a file of rules alone would wait for it longer than for its tests.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from libs.devstack import network_guard

if TYPE_CHECKING:
    from libs.devstack.infra import Infra
    from libs.devstack.stack import Stack


def pytest_configure() -> None:
    """Refuse connections that leave this machine, for the whole run."""
    network_guard.from_environment().install()


@pytest.fixture(scope="session")
def infra() -> "Iterator[Infra]":
    """PostgreSQL, Valkey and an object store with all migrations applied, once for the whole run."""
    from libs.devstack import infra as infrastructure

    with infrastructure.throwaway() as made:
        yield made


@pytest.fixture(scope="session")
def stack() -> "Iterator[Stack]":
    """All six services over servers of their own, with the local models, once for the whole run."""
    from libs.devstack.stack import Stack, StackOptions

    with Stack.running(options=StackOptions(env="test", vendor_keys=False)) as made:
        yield made
