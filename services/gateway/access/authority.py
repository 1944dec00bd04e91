"""The capability a request is answered under, minted for one principal."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.common.capability import acting_under
from libs.common.clock import Clock
from libs.common.ids import Identify
from libs.contracts.capability import REQUEST_LIFETIME_S, Claims, Minter
from libs.contracts.ids import PatientId, SessionId
from services.gateway.domain import Principal

_OWN = frozenset({"gateway:write"})


@dataclass(frozen=True)
class Grant:
    """What a capability is minted for."""

    scopes: frozenset[str]
    lifetime_s: int = REQUEST_LIFETIME_S
    patient_id: PatientId | None = None
    session_id: SessionId | None = None


class Authority:
    """Mints capabilities for principals; the only place in the system that can."""

    def __init__(self, minter: Minter, clock: Clock, new_id: Identify) -> None:
        self._minter = minter
        self._clock = clock
        self._new_id = new_id

    def now(self) -> datetime:
        """Return the time by which capabilities are dated."""
        return self._clock()

    @contextmanager
    def own(self, principal: Principal) -> Iterator[None]:
        """Work on the gateway's own tables; this capability never leaves the process."""
        with self.granted(principal, Grant(_OWN)):
            yield

    @contextmanager
    def granted(self, principal: Principal, grant: Grant) -> Iterator[None]:
        """Work, or let others work, for a principal. A patient's own credential always binds to that patient."""
        with acting_under(self.minted(principal, grant)):
            yield

    def minted(self, principal: Principal, grant: Grant) -> str:
        """Return the capability itself."""
        claims = Claims(
            organization_id=principal.organization_id,
            actor=principal.actor,
            scopes=grant.scopes,
            expires_at=_earlier(self._clock() + timedelta(seconds=grant.lifetime_s), principal.expires_at),
            token_id=self._new_id(),
            patient_id=principal.patient_id or grant.patient_id,
            session_id=grant.session_id,
            api_key_id=principal.api_key_id,
        )
        return self._minter.mint(claims)


def _earlier(wanted: datetime, limit: datetime | None) -> datetime:
    # Nothing that is done with a key outlives it.
    return wanted if limit is None else min(wanted, limit)
