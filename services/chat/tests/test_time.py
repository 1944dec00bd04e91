"""Phrases about time become sessions, the same way every time."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from services.chat.domain.time.reading import find_time
from services.chat.domain.time.shapes import Days
from services.chat.domain.time.window import Dated, TimeWindow, resolve
from services.chat.tests.room import session

TODAY = date(2026, 11, 24)
SESSIONS = [Dated(one.id, one.date) for one in (session(9, 8), session(9, 22), session(10, 20))]
DAYS = {one.id: f"{one.at:%m-%d}" for one in SESSIONS}


def window(question: str, today: date = TODAY) -> TimeWindow | None:
    phrase = find_time(question, today)
    return resolve(phrase, SESSIONS, UTC) if phrase else None


@pytest.mark.parametrize(
    ("question", "days"),
    [
        ("What did we talk about last time?", ["10-20"]),
        ("What did she say in our last session?", ["10-20"]),
        ("What did I say two sessions ago?", ["09-22"]),
        ("What about the session before last?", ["09-22"]),
        ("What was the homework of the first session?", ["09-08"]),
        ("How did I feel when we started?", ["09-08"]),
        ("What did I say in the second session?", ["09-22"]),
        ("Sum up our last two sessions", ["09-22", "10-20"]),
        ("What changed since we started?", ["09-08", "09-22", "10-20"]),
        ("What changed since our second session?", ["09-22", "10-20"]),
        ("What did we discuss in October?", ["10-20"]),
        ("What did we discuss last month?", ["10-20"]),
        ("And in September 2026?", ["09-08", "09-22"]),
        ("What did I say on September 22nd?", ["09-22"]),
        ("What did I say on the 8th of September?", ["09-08"]),
        ("What did I say on 2026-09-08?", ["09-08"]),
        ("What happened on 9/22?", ["09-22"]),
        ("What did we do in the past two months?", ["10-20"]),
        ("Between September and October, what helped?", ["09-08", "09-22", "10-20"]),
    ],
)
def test_a_phrase_names_the_sessions_it_means(question: str, days: list[str]) -> None:
    found = window(question)

    assert found is not None
    assert found.applied
    assert [DAYS[one] for one in found.session_ids] == days


@pytest.mark.parametrize(
    "question",
    [
        "When may I swim?",
        "What did I say about swimming on Thursday?",
        "Who was there the last time I swam?",
        "What should I do today?",
        "How do I march on?",
        "What did we say about sleep?",
    ],
)
def test_words_about_life_are_not_a_time_of_sessions(question: str) -> None:
    assert window(question) is None


def test_yesterday_counts_from_the_day_it_is_asked_on() -> None:
    found = window("What did I say yesterday?", date(2026, 9, 23))

    assert found is not None
    assert [DAYS[one] for one in found.session_ids] == ["09-22"]


def test_last_week_takes_the_meaning_that_has_a_session_and_says_so() -> None:
    # Sunday the 27th: the week before began on the 14th, but within the last seven days there was a session.
    found = window("What did we talk about last week?", date(2026, 9, 27))

    assert found is not None
    assert [DAYS[one] for one in found.session_ids] == ["09-22"]
    assert found.note is not None
    assert "last week" in found.note


def test_a_time_without_sessions_is_not_applied_and_said() -> None:
    found = window("What did I say in March?")

    assert found is not None
    assert not found.applied
    assert found.note == "I don't have a session from 1 March 2026 to 31 March 2026."


def test_more_sessions_ago_than_there_were_is_none_of_them() -> None:
    found = window("What did I say seven sessions ago?")

    assert found is not None
    assert (found.applied, found.session_ids) == (False, ())


def test_days_begin_where_the_patient_lives() -> None:
    late = [Dated(SESSIONS[0].id, datetime(2026, 9, 9, 2, tzinfo=UTC))]
    phrase = find_time("What did I say on September 8?", TODAY)
    assert phrase is not None

    in_new_york, in_london = (resolve(phrase, late, ZoneInfo(zone)) for zone in ("America/New_York", "Europe/London"))

    assert in_new_york is not None
    assert in_new_york.applied
    assert in_london is not None
    assert not in_london.applied


def test_windows_are_half_open() -> None:
    phrase = find_time("in October", TODAY)

    assert phrase is not None
    assert phrase.meanings[0] == Days(date(2026, 10, 1), date(2026, 11, 1))


def test_a_month_that_has_not_come_yet_means_the_year_before() -> None:
    phrase = find_time("in December", TODAY)

    assert phrase is not None
    assert phrase.meanings[0] == Days(date(2025, 12, 1), date(2026, 1, 1))


def test_a_day_that_does_not_exist_is_not_a_time() -> None:
    assert find_time("on 2026-02-31", TODAY) is None
