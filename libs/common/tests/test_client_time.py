"""A time that is accepted can be kept, read and shown everywhere; all others are refused where they come in."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from libs.common.client_time import DayOrInstant, Instant
from libs.common.clock import to_json_time
from libs.common.local_time import EARLIEST, LATEST, ZoneName, end_of, local, start_of

NEW_YORK, TOKYO = ZoneInfo("America/New_York"), ZoneInfo("Asia/Tokyo")


class Sent(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    at: Instant | None = None
    on: DayOrInstant | None = None
    zone: ZoneName | None = None


@pytest.mark.parametrize(
    "at",
    [
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+14:00",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "2026-09-08T15:00:00",
        "2026-09-08 15:00",
        "2026-03-01",
        "20260908",
        "1788879600",
        "1788879600.5",
        "infinity",
        "2026-02-30T15:00:00Z",
        "2026-09-08T15:00:00Z" + " " * 40,
        "",
        1788879600,
        True,
    ],
)
def test_a_time_that_not_every_part_could_read_is_refused_at_its_place_without_being_repeated(at: object) -> None:
    with pytest.raises(ValidationError) as refused:
        Sent.model_validate({"at": at})

    [fault] = refused.value.errors()

    assert fault["loc"] == ("at",)
    assert fault["type"] in ("instant", "instant_range")
    assert str(at) not in fault["msg"] or not str(at)


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2026-09-08T20:30:00-04:00", "2026-09-09T00:30:00.000Z"),
        ("2026-09-08T15:00Z", "2026-09-08T15:00:00.000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999Z"),
        ("0001-01-01T00:00:00-14:00", "0001-01-01T14:00:00.000Z"),
    ],
)
def test_a_time_that_names_its_zone_is_taken_and_shown_in_utc(at: str, said: str) -> None:
    sent = Sent(at=at)

    assert sent.at is not None
    assert to_json_time(sent.at) == said
    assert [local(sent.at, zone).tzinfo is not None for zone in (NEW_YORK, TOKYO)] == [True, True]


def test_a_bare_date_is_a_day_and_a_time_beside_it_is_an_instant() -> None:
    day, instant = Sent(on="2026-09-08"), Sent(on="2026-09-08T20:30:00-04:00")

    assert (day.on, instant.on) == (date(2026, 9, 8), datetime(2026, 9, 9, 0, 30, tzinfo=UTC))
    assert [one.model_dump(mode="json")["on"] for one in (day, instant)] == ["2026-09-08", "2026-09-09T00:30:00Z"]


@pytest.mark.parametrize("wrong", ["2026-02-30", "0000-01-01", "2026-9-8", "2026-09-08T15:00:00", "٢٠٢٦-٠٩-٠٨"])
def test_neither_a_day_nor_an_instant_is_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        Sent(on=wrong)


@pytest.mark.parametrize(
    "wrong", ["Mars/Olympus", "localtime", "", "america/new_york", "../../etc/passwd", "EST5EDT,M3", "+02:00"]
)
def test_only_a_zone_of_the_iana_list_is_a_time_zone(wrong: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Sent(zone=wrong)

    assert wrong not in refused.value.errors()[0]["msg"] or not wrong


def test_days_begin_and_end_by_the_clock_of_their_zone_and_stay_readable_at_the_ends_of_time() -> None:
    assert start_of(date(2026, 9, 8), NEW_YORK) == datetime(2026, 9, 8, 4, tzinfo=UTC)
    assert end_of(date(2026, 11, 1), NEW_YORK) == datetime(2026, 11, 2, 5, tzinfo=UTC)  # a day of 25 hours
    assert start_of(date.min, TOKYO) == EARLIEST
    assert end_of(date.max, NEW_YORK) == LATEST
