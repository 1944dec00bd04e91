"""Times as callers send them: one type for all, so that whatever is accepted can be kept, read, compared and shown.

An instant names its zone and lies, in UTC, in the years that every part can read; a day is one of somebody's calendar.
"""

import re
from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AwareDatetime, PlainSerializer, PlainValidator, TypeAdapter, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

# Else "20261005" would be read as seconds since 1970.
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}.{0,30}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_AWARE: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


def read_instant(raw: object) -> datetime:
    """Return a time in UTC; raise for one without a zone, in another form, or outside the years 0001 to 9999 in UTC."""
    # Numbers are refused too: pydantic would read them as seconds or, when they are large, as milliseconds.
    if not isinstance(raw, datetime) and not (isinstance(raw, str) and _INSTANT.fullmatch(raw)):
        raise _not_an_instant()
    try:
        return _AWARE.validate_python(raw).astimezone(UTC)
    except ValidationError as error:
        raise _not_an_instant() from error
    except OverflowError as error:
        raise PydanticCustomError("instant_range", "A time lies in the years 0001 to 9999, in UTC.") from error


def read_day_or_instant(raw: object) -> date | datetime:
    """Return a day for a bare date, else what `read_instant` does."""
    if not isinstance(raw, str) or not _DAY.fullmatch(raw):
        return read_instant(raw)
    try:
        return date.fromisoformat(raw)
    except ValueError as error:
        raise PydanticCustomError("day", "There is no such day.") from error


def _not_an_instant() -> PydanticCustomError:
    return PydanticCustomError(
        "instant", "A time is ISO 8601 and names its zone, such as 2026-09-08T20:30:00-04:00 or 2026-09-09T00:30:00Z."
    )


_INSTANT_SCHEMA = {"type": "string", "format": "date-time"}
_DAY_OR_INSTANT_SCHEMA = {"anyOf": [{"type": "string", "format": "date"}, _INSTANT_SCHEMA]}

_Sent = PlainSerializer(lambda at: at.isoformat().replace("+00:00", "Z"), return_type=str, when_used="json-unless-none")

Instant = Annotated[datetime, PlainValidator(read_instant), _Sent, WithJsonSchema(_INSTANT_SCHEMA)]
DayOrInstant = Annotated[
    datetime | date, PlainValidator(read_day_or_instant), _Sent, WithJsonSchema(_DAY_OR_INSTANT_SCHEMA)
]
"""A `datetime` is a `date` as well: ask `isinstance(value, datetime)` which was given."""
