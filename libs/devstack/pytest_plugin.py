"""Fixtures for every test: real servers that start when first asked for, and a tenant nobody else has.

What the servers need (SQLAlchemy, Alembic, six services' addresses) is imported when a test asks for them:
a file of rules alone would wait for it longer than for its tests.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from libs.common.clock import utc_now
from libs.common.ids import new_id
from libs.contracts.capability import Claims, Minter
from libs.contracts.ids import ApiKeyId, OrganizationId, PatientId, SessionId, TherapistId
from libs.devstack import network_guard

if TYPE_CHECKING:
    from libs.devstack.infra import Infra
    from libs.devstack.stack import Stack

CAPABILITY_LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True)
class Tenant:
    """A fresh organization with a patient and a therapist; isolates a test, so nothing is ever truncated."""

    organization_id: OrganizationId
    patient_id: PatientId
    therapist_id: TherapistId
    minter: Minter

    def capability(
        self,
        *scopes: str,
        patient: PatientId | None = None,
        session: SessionId | None = None,
        key: ApiKeyId | None = None,
    ) -> str:
        """Return a token with these scopes (`chat:write`), bound to a patient or a session and of a key if given."""
        claims = Claims(
            organization_id=self.organization_id,
            actor=f"user:{self.therapist_id}",
            scopes=frozenset(scopes),
            expires_at=utc_now() + CAPABILITY_LIFETIME,
            token_id=new_id(),
            patient_id=patient,
            session_id=session,
            api_key_id=key,
        )
        return self.minter.mint(claims)


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


@pytest.fixture
def tenant(infra: "Infra") -> Tenant:
    """An organization of this test's own."""
    minter = Minter(infra.capability_key_id, infra.capability_key)
    return Tenant(OrganizationId(new_id()), PatientId(new_id()), TherapistId(new_id()), minter)
