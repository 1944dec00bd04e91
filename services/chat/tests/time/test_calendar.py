"""Seasons and feasts depend on where the patient lives, as a day does that is written in figures."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from libs.common.ids import new_id
from libs.contracts.ids import SessionId
from services.chat.domain.time.calendar.feasts import easter
from services.chat.domain.time.reading import find_time
from services.chat.domain.time.shapes import Days
from services.chat.domain.time.window import Dated, resolve

LONDON, NEW_YORK, AUCKLAND, PARIS, KOLKATA = (
    ZoneInfo(name) for name in ("Europe/London", "America/New_York", "Pacific/Auckland", "Europe/Paris", "Asia/Kolkata")
)
TODAY = date(2026, 11, 24)


def first_day(message: str, zone: ZoneInfo = LONDON) -> date | None:
    """Return the first day of what a message most likely means."""
    phrase = find_time(message, TODAY, zone)
    assert phrase is not None
    meaning = phrase.meanings[0]
    assert isinstance(meaning, Days)
    return meaning.start


@pytest.mark.parametrize("lead", ["last", "this", "past", "previous"])
@pytest.mark.parametrize(("written", "day"), [("25/12/2025", date(2025, 12, 25)), ("2026-05-03", date(2026, 5, 3))])
def test_a_date_in_figures_is_read_behind_any_word_of_time(lead: str, written: str, day: date) -> None:
    assert first_day(f"What did we say {lead} {written}?") == day


def test_summer_is_half_a_year_apart_in_the_south() -> None:
    assert first_day("What did we say last summer?", LONDON) == date(2026, 6, 1)
    assert first_day("What did we say last summer?", AUCKLAND) == date(2025, 12, 1)


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("on Easter Monday", date(2026, 4, 6)), ("on Good Friday", date(2026, 4, 3)), ("at Easter", date(2026, 4, 5)),
        ("on Halloween", date(2026, 10, 31)), ("on New Year's Eve", date(2025, 12, 31)),
        ("on Valentine's Day", date(2026, 2, 14)),
        ("on St. Patrick's day", date(2026, 3, 17)), ("last Christmas", date(2025, 12, 25)),
        ("over Christmas", date(2025, 12, 24)),
        ("on the day after Christmas", date(2025, 12, 26)), ("on Ash Wednesday", date(2026, 2, 18)),
        ("at Christmas two years ago", date(2024, 12, 25)), ("on the Tuesday after Easter", date(2026, 4, 7)),
    ],
)  # fmt: skip
def test_a_feast_is_the_latest_one(words: str, day: date) -> None:
    assert first_day(f"What did I say {words}?") == day


@pytest.mark.parametrize(
    ("zone", "day"), [(LONDON, date(2026, 3, 15)), (NEW_YORK, date(2026, 5, 10)), (PARIS, date(2026, 5, 31))]
)
def test_mothers_day_is_that_of_the_country(zone: ZoneInfo, day: date) -> None:
    assert first_day("What did I say on Mother's Day?", zone) == day


def test_thanksgiving_that_has_not_come_is_last_years() -> None:
    assert first_day("What did I say at Thanksgiving?", NEW_YORK) == date(2025, 11, 27)


def test_diwali_is_found_in_its_table_and_not_after_it_ends() -> None:
    assert first_day("What did I say at Diwali?", KOLKATA) == date(2026, 11, 8)
    assert find_time("What did I say at Diwali?", date(2045, 11, 24), KOLKATA) is None


def test_easter_is_computed_for_any_year() -> None:
    assert [easter(year) for year in (1961, 2000, 2038)] == [date(1961, 4, 2), date(2000, 4, 23), date(2038, 4, 25)]


def test_a_day_in_figures_is_read_as_the_country_writes_it_and_said() -> None:
    at = [Dated(SessionId(new_id()), datetime(2026, month, day, 12, tzinfo=LONDON)) for month, day in ((3, 5), (5, 3))]

    for zone, dated, spoken in ((LONDON, at[1], "3 May 2026"), (NEW_YORK, at[0], "5 March 2026")):
        phrase = find_time("What did I say on 3/5?", TODAY, zone)
        assert phrase is not None
        window = resolve(phrase, at, zone)
        assert window is not None
        assert window.session_ids == (dated.id,)
        assert spoken in (window.note or "")


def test_the_first_session_after_a_feast_is_one_session_in_an_open_window() -> None:
    sessions = [
        Dated(SessionId(new_id()), datetime(2026, 4, 1, 12, tzinfo=LONDON) + timedelta(7 * week)) for week in range(4)
    ]
    phrase = find_time("What did we do in the first session after Easter?", TODAY, LONDON)
    assert phrase is not None

    window = resolve(phrase, sessions, LONDON)

    assert window is not None
    assert window.session_ids == (sessions[1].id,)


def test_a_time_with_an_open_end_and_no_session_is_told_in_words() -> None:
    phrase = find_time("What did I say since October?", TODAY, LONDON)
    assert phrase is not None

    window = resolve(phrase, [], LONDON)

    assert window is not None
    assert window.note == "I don't have a session from 1 October 2026 on."
