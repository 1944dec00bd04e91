"""Local time: IANA time zones, and the days that begin and end in them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

ZONE_CHARS_MAX = 64
HEADER = "Time-Zone"
"""Tells a service whose dates are meant; one that does not know it works in UTC, as before."""
EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)


@cache
def _zones() -> frozenset[str]:
    # A set of names, and not a try at opening a file: "localtime" is whatever this machine thinks.
    return frozenset(available_timezones() - {"localtime", "posixrules", "Factory"})


def zone_named(name: str | None) -> ZoneInfo | None:
    """Return a time zone; None for an unknown name."""
    return ZoneInfo(name) if name in _zones() else None


def zone_of_caller(headers: Mapping[str, str]) -> tzinfo:
    """Return the zone that a request between services is meant in; UTC when it names none."""
    return zone_named(headers.get(HEADER)) or UTC


def _known(name: str) -> str:
    if name not in _zones():
        raise PydanticCustomError("time_zone", "An IANA time zone is named as in America/New_York.")
    return name


ZoneName = Annotated[str, Field(max_length=ZONE_CHARS_MAX), AfterValidator(_known)]


def local(at: datetime, zone: tzinfo) -> datetime:
    """Return an instant as a clock in the zone shows it (in UTC where that clock's years end)."""
    try:
        return at.astimezone(zone)
    except OverflowError:
        return at.astimezone(UTC)


def start_of(day: date, zone: tzinfo) -> datetime:
    """Return the instant at which a day begins in a zone, in UTC."""
    try:
        return datetime.combine(day, time(), zone).astimezone(UTC)
    except OverflowError:
        return EARLIEST


def end_of(day: date, zone: tzinfo) -> datetime:
    """Return the instant at which the day after a day begins in a zone, in UTC."""
    try:
        return datetime.combine(day + timedelta(1), time(), zone).astimezone(UTC)
    except OverflowError:
        return LATEST
