"""What an audit says, wherever it is kept: who was given what about whom, or access, and when. Ids, never words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from libs.common.client_time import Instant
from libs.common.clock import to_json_time
from libs.common.database.paging import CURSOR_CHARS_MAX, PAGE_DEFAULT, PAGE_MAX, Page, Position, Window

ACTOR_CHARS_MAX = 200
# Append only: rows of an earlier kind are read for as long as they are kept.
Kind = Literal[
    "transcript.read",
    "transcript.corrected",
    "transcript.searched",
    "session.released",
    "session.held_back",
    "answer.given",
    "conversation.read",
    "key.created",
    "key.replaced",
    "key.revoked",
    "organization.changed",
    "user.created",
    "token.created",
    "token.revoked",
]


@dataclass(frozen=True)
class AuditEntry:
    """One row. `about` names what was given: ids and numbers that belong to this kind."""

    id: UUID
    at: datetime
    kind: Kind
    actor: str
    api_key_id: str | None
    patient_id: UUID | None
    about: Mapping[str, Any]

    @staticmethod
    def of_row(row: Any, kind: Kind, about: Mapping[str, Any]) -> "AuditEntry":
        """Make an entry of a row that `libs.tenancy.audit.audit_page` selected."""
        return AuditEntry(row.id, row.at, kind, row.actor, row.api_key_id, row.patient_id, about)

    def to_json(self) -> dict[str, Any]:
        """Render; `cursor` is the exact place of this row in any list of audits."""
        return {
            "id": str(self.id),
            "at": to_json_time(self.at),
            "kind": self.kind,
            "actor": self.actor,
            "api_key_id": self.api_key_id,
            "patient_id": str(self.patient_id) if self.patient_id else None,
            **self.about,
            "cursor": self.position.to_cursor(),
        }

    @property
    def position(self) -> Position:
        """Where it is in a list, newest first."""
        return Position(self.at, self.id)


class AuditQuery(BaseModel):
    """Which rows to list, newest first; `since` is included and `until` is not."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    patient_id: UUID | None = None
    # PostgreSQL's text cannot hold NUL and would answer with an error of its own.
    actor: str | None = Field(None, min_length=1, max_length=ACTOR_CHARS_MAX, pattern=r"^[^\x00]+$")
    since: Instant | None = None
    until: Instant | None = None
    limit: int = Field(PAGE_DEFAULT, ge=1, le=PAGE_MAX)
    cursor: str | None = Field(None, max_length=CURSOR_CHARS_MAX)

    @property
    def window(self) -> Window:
        """The part of the list; raises AppError(INVALID_REQUEST) for a cursor that is not ours."""
        return Window.of(self.limit, self.cursor)

    def parameters(self) -> dict[str, Any]:
        """Return what the SQL of an audit store is asked with."""
        after = self.window.after
        return {
            "patient": self.patient_id,
            "actor": self.actor,
            "since": self.since,
            "until": self.until,
            "after_at": after.at if after else None,
            "after_id": after.id if after else None,
            # One more than asked for tells whether there is a next page.
            "most": self.limit + 1,
        }

    def page(self, rows: list[AuditEntry]) -> Page[AuditEntry]:
        """Make the page of rows that were read with `parameters`."""
        return Page.cut(rows, self.limit, lambda row: row.position)
