"""What the operators' role may ask about embedding models: names, ids of organizations and numbers, never words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.common.errors import NOT_FOUND, AppError
from libs.common.messaging.archive import Archive

# All of an organization's passages change in one statement: about 10,000 a second on two busy cores.
SWITCH_WITHIN_S = 3600


@dataclass(frozen=True)
class OrganizationIndex:
    """An organization, the model it is searched with, and how far another model's vectors have come.

    Counted are the passages that consent shows; what it hides cannot be embedded.
    """

    organization_id: UUID
    model: str
    passages: int
    filled: int

    def row(self) -> dict[str, Any]:
        """Return what is printed."""
        return {
            "organization_id": str(self.organization_id),
            "model": self.model,
            "passages": self.passages,
            "filled": self.filled,
        }


@dataclass(frozen=True)
class IndexedSession:
    """A session of which the other model lacks vectors, as its index says: ids, a date, a number."""

    organization_id: UUID
    patient_id: UUID
    therapist_id: UUID
    session_id: UUID
    session_date: datetime
    transcript_id: UUID
    transcript_version: int


class IndexModels:
    """Questions to the functions of schema `embedder` that operators may call. Raises AppError."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    async def organizations(self, model: str) -> list[OrganizationIndex]:
        """Return every organization with an index. Raises AppError(NOT_FOUND) for a model that does not exist."""
        await self._known(model)
        rows = await self._archive.ask("select * from embedder.rebuild_state(:model)", {"model": model})
        return [_organization(row) for row in rows]

    async def begin(self, model: str) -> None:
        """Have the embedder collect this model's vectors, in every organization that has another."""
        await self._archive.ask("select embedder.rebuild_begin(:model)", {"model": model})

    async def lacking(self, model: str, after: IndexedSession | None, most: int) -> list[IndexedSession]:
        """Return sessions that consent shows and that lack a vector of this model, from one on."""
        first = UUID(int=0)
        whose = (first, first) if after is None else (after.organization_id, after.session_id)
        rows = await self._archive.ask(
            "select * from embedder.rebuild_sessions(:model, :organization_id, :session_id, :most)",
            {"model": model, "organization_id": whose[0], "session_id": whose[1], "most": most},
        )
        return [IndexedSession(**row) for row in rows]

    async def switch(self, organization_id: UUID, model: str) -> int:
        """Search an organization with this model from now on if no vector is missing; return how many are."""
        (row,) = await self._archive.ask(
            "select embedder.rebuild_switch(:organization_id, :model) as missing",
            {"organization_id": organization_id, "model": model},
            within_s=SWITCH_WITHIN_S,
        )
        return int(row["missing"] or 0)

    async def _known(self, model: str) -> None:
        rows = await self._archive.ask("select name from embedder.rebuild_models() as name")
        names = [row["name"] for row in rows]
        if model not in names:
            raise AppError(NOT_FOUND, f"There is no such model. Known are {', '.join(names)}.")


def _organization(row: Mapping[str, Any]) -> OrganizationIndex:
    return OrganizationIndex(row["organization_id"], row["model"], row["passages"], row["filled"])
