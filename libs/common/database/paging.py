"""Lists without offsets: an opaque cursor over (time, id), so that a page stays right while rows are added."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

from libs.common.errors import INVALID_REQUEST, AppError, FieldError

PAGE_DEFAULT = 50
PAGE_MAX = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CURSOR_CHARS_MAX = 200
"""Far above what `to_cursor` returns: whatever else is sent is refused before it is decoded."""
_LENGTH = 24
_AT_BYTES = 8

T = TypeVar("T")


@dataclass(frozen=True, order=True)
class Position:
    """The place of a row in a list that is ordered by time and id, newest first."""

    at: datetime
    id: UUID

    def to_cursor(self) -> str:
        """Return the opaque text a caller gives back."""
        # In whole microseconds, which is all that PostgreSQL keeps: a float would skip or repeat rows.
        micros = (self.at - _EPOCH) // timedelta(microseconds=1)
        return base64.urlsafe_b64encode(micros.to_bytes(_AT_BYTES, "big") + self.id.bytes).decode()

    @staticmethod
    def from_cursor(cursor: str) -> "Position":
        """Read a cursor; raise AppError(INVALID_REQUEST) for anything we did not make."""
        try:
            raw = base64.b64decode(cursor, altchars=b"-_", validate=True)
            if len(raw) != _LENGTH:
                raise ValueError
            at = _EPOCH + timedelta(microseconds=int.from_bytes(raw[:_AT_BYTES], "big"))
        except (binascii.Error, ValueError, OverflowError) as error:
            raise invalid_cursor() from error
        return Position(at, UUID(bytes=raw[_AT_BYTES:]))


def invalid_cursor() -> AppError:
    """Return the error for a cursor that we did not make."""
    fault = FieldError("/query/cursor", "Use the `next_cursor` of an earlier response.")
    return AppError(INVALID_REQUEST, "The cursor is not valid.", errors=[fault])


@dataclass(frozen=True)
class Window:
    """Which part of a list is wanted: at most `limit` rows after the cursor."""

    limit: int = PAGE_DEFAULT
    after: Position | None = None

    @staticmethod
    def of(limit: int, cursor: str | None) -> "Window":
        """Build from what a caller sent."""
        return Window(limit, Position.from_cursor(cursor) if cursor else None)


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows and where to go on; `next` is None at the end."""

    rows: Sequence[T]
    next: Position | None

    @staticmethod
    def cut(rows: Sequence[T], limit: int, position: Callable[[T], Position]) -> "Page[T]":
        """Make a page of rows that were read with a limit one larger than the page."""
        # The row too many is never shown: it only tells that there is a next page.
        kept = rows[:limit]
        return Page(kept, position(kept[-1]) if len(rows) > limit else None)

    def to_json(self, render: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
        """Render as `{data, has_more, next_cursor}`."""
        return {
            "data": [render(row) for row in self.rows],
            "has_more": self.next is not None,
            "next_cursor": self.next.to_cursor() if self.next else None,
        }
