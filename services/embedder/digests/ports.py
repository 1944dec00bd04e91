"""Interface that the route of digests uses."""

from collections.abc import Collection
from typing import Protocol

from libs.contracts.ids import SessionId
from services.embedder.digests.domain import Digest


class DigestRepository(Protocol):
    """Reads digests."""

    async def of_sessions(self, sessions: Collection[SessionId]) -> list[Digest]:
        """Return the digests of sessions that consent and capability allow, oldest first."""
        ...
