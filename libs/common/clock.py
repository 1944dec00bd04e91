"""Time as an argument, so that rules can be tested at any moment."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the current time as an aware datetime in UTC."""
    return datetime.now(UTC)


def to_json_time(at: datetime) -> str:
    """Render an aware time as ISO 8601 in UTC with milliseconds and `Z` (RFC 3339)."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
