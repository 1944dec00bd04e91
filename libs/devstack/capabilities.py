"""Capabilities for the tests of the mechanism, which hands them on and does not know their grammar."""

from datetime import timedelta
from uuid import UUID

from libs.common.clock import utc_now
from libs.common.ids import new_id
from libs.contracts.capability import Claims, Minter
from libs.contracts.ids import OrganizationId
from libs.devstack.infra import Infra

LIFETIME = timedelta(seconds=60)


def minted(infra: Infra, organization_id: UUID, *scopes: str, lifetime: timedelta = LIFETIME) -> str:
    """Return a capability that this database believes; one with a negative lifetime has expired."""
    claims = Claims(
        organization_id=OrganizationId(organization_id),
        actor="test",
        scopes=frozenset(scopes),
        expires_at=utc_now() + lifetime,
        token_id=new_id(),
    )
    return Minter(infra.capability_key_id, infra.capability_key).mint(claims)
