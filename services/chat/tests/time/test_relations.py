"""A word beside a time changes it: since, before, between, the first week of, the Tuesday of last week."""

from datetime import UTC, date, timedelta

import pytest

from services.chat.domain.time.reading import find_time
from services.chat.domain.time.shapes import Days, SessionSlice

# A Tuesday.
TODAY = date(2026, 11, 24)


def days(message: str, today: date = TODAY) -> str | None:
    """Return the likeliest days of a message, both ends inclusive, "" for an open end."""
    phrase = find_time(message, today, UTC)
    if phrase is None:
        return None
    meaning = phrase.meanings[0]
    assert isinstance(meaning, Days)
    last = meaning.end - timedelta(1) if meaning.end else None
    return f"{meaning.start or ''}..{last or ''}"


@pytest.mark.parametrize(
    ("message", "meant"),
    [
        ("How have I slept since March?", "2026-03-01.."),
        ("What did we say from March onwards?", "2026-03-01.."),
        ("What did I say before March?", "..2026-02-28"),
        ("What did I say after March?", "2026-04-01.."),
        ("What did we cover until March?", "..2026-03-31"),
        ("What did we cover up to and including March?", "..2026-03-31"),
        ("What came up between March and May?", "2026-03-01..2026-05-31"),
        ("What came up from November to January?", "2025-11-01..2026-01-31"),
        ("What did we say between March and May last year?", "2025-03-01..2025-05-31"),
        ("What did we say between the 3rd and the 10th of May?", "2026-05-03..2026-05-10"),
        ("What did we say from Monday to Wednesday last week?", "2026-11-16..2026-11-18"),
        ("What did we say in July and August?", "2026-07-01..2026-08-31"),
        ("What did we say two to four weeks ago?", "2026-10-26..2026-11-15"),
        ("Compare March and October", "2026-03-01..2026-10-31"),
        ("What did we say since we talked in March?", "2026-03-01.."),
    ],
)
def test_a_relation_opens_or_closes_the_window(message: str, meant: str) -> None:
    assert days(message) == meant


@pytest.mark.parametrize(
    ("message", "meant"),
    [
        ("What did we say in the first week of May?", "2026-05-01..2026-05-07"),
        ("What did we say in the last week of May?", "2026-05-25..2026-05-31"),
        ("What did we say in May's second week?", "2026-05-08..2026-05-14"),
        ("What did we say on the first Monday of October?", "2026-10-05..2026-10-05"),
        ("What did we say in mid-October?", "2026-10-11..2026-10-20"),
        ("What did we say in late October?", "2026-10-21..2026-10-31"),
        ("What did we say in the second half of last year?", "2025-07-01..2025-12-31"),
        ("What did we say in Q1?", "2026-01-01..2026-03-31"),
        ("What did we say in the second quarter of 2025?", "2025-04-01..2025-06-30"),
    ],
)
def test_a_named_part_of_a_month_or_year_is_not_read_as_the_whole(message: str, meant: str) -> None:
    assert days(message) == meant


@pytest.mark.parametrize(
    ("message", "meant"),
    [
        ("What did I say on Tuesday?", "2026-11-17..2026-11-17"),
        ("What did I say on Tuesday last week?", "2026-11-17..2026-11-17"),
        ("What did I say last week on Friday?", "2026-11-20..2026-11-20"),
        ("What did I say on Friday two weeks ago?", "2026-11-13..2026-11-13"),
        ("What did I say on the Monday before last?", "2026-11-16..2026-11-16"),
        ("What did I say on the 3rd of May?", "2026-05-03..2026-05-03"),
        ("What did I say on May 3rd, 2025?", "2025-05-03..2025-05-03"),
        ("What did I say on the 30th?", "2026-10-30..2026-10-30"),
        ("What did I say on the twelfth of last month?", "2026-10-12..2026-10-12"),
        ("What did I say in October last year?", "2025-10-01..2025-10-31"),
        ("What did I say the weekend before last?", "2026-11-14..2026-11-15"),
        ("What did I say in the week of 14 October?", "2026-10-12..2026-10-18"),
        ("What did I say a week ago today?", "2026-11-17..2026-11-17"),
        ("What did I say in the last ten days?", "2026-11-14..2026-11-24"),
        ("What did I say more than a month ago?", "..2026-10-23"),
    ],
)
def test_a_day_or_week_is_counted_from_the_day_of_asking(message: str, meant: str) -> None:
    assert days(message) == meant


@pytest.mark.parametrize(
    ("message", "row"),
    [
        ("What was session 3 about?", SessionSlice(2, 3)),
        ("What did we do in the penultimate session?", SessionSlice(-2, -1)),
        ("What did we do in the last but two session?", SessionSlice(-3, -2)),
        ("What did we do two sessions before the last?", SessionSlice(-3, -2)),
        ("Sum up the first three sessions", SessionSlice(0, 3)),
        ("Sum up sessions 3 to 5", SessionSlice(2, 5)),
        ("What did we say before the third session?", SessionSlice(None, 2)),
        ("What did we say after the third session?", SessionSlice(3, None)),
        ("What did we say in the session after the third?", SessionSlice(3, 4)),
        ("What have we done so far?", SessionSlice(None, None)),
    ],
)
def test_sessions_are_counted_from_the_first_or_the_last(message: str, row: SessionSlice) -> None:
    phrase = find_time(message, TODAY, UTC)

    assert phrase is not None
    assert phrase.meanings == (row,)


def test_the_last_session_of_a_time_is_one_of_that_time() -> None:
    phrase = find_time("What did we do in the last session in March?", TODAY, UTC)

    assert phrase is not None
    assert phrase.meanings[0] == Days(date(2026, 3, 1), date(2026, 4, 1), pick=SessionSlice(-1, None))


@pytest.mark.parametrize(
    "message",
    [
        "What changed since the accident?",
        "What did I say after the funeral?",
        "What did she say two weeks after the wedding?",
        "What did I say in my last year of school?",
        "What should I do before next Friday?",
    ],
)
def test_a_word_that_is_not_understood_beside_a_time_leaves_it_unread(message: str) -> None:
    assert find_time(message, TODAY, UTC) is None


def test_an_event_in_a_month_widens_the_time_and_counts_only_if_it_has_a_session() -> None:
    phrase = find_time("How have I been since the accident in March?", TODAY, UTC)

    assert phrase is not None
    assert (phrase.meanings[0], phrase.soft) == (Days(date(2026, 3, 1), None), True)


def test_a_time_repeated_a_thousand_times_is_read_all_the_same() -> None:
    for words in ("the day before ", "since ", "a ", "between march and ", "3-"):
        find_time(words * 1000, TODAY, UTC)
