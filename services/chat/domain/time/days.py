"""Single days: near ones ("yesterday"), written dates, ordinal days ("the 3rd"), weekdays and their weeks."""

import re
from datetime import date, timedelta

from services.chat.domain.time.calendar.spans import (
    FORTNIGHT_DAYS,
    MONTH_DAYS_MAX,
    WEEK_DAYS,
    YEAR_MONTHS,
    moved,
    one,
    valid_date,
    week,
)
from services.chat.domain.time.found import Found
from services.chat.domain.time.shapes import Days
from services.chat.domain.time.words.counts import count, ordinal
from services.chat.domain.time.words.tokens import Text
from services.chat.domain.time.words.vocabulary import PLURAL_WEEKDAYS, WEEKDAYS

_PARTS_OF_DAY = ("morning", "afternoon", "evening", "night", "lunchtime", "midday", "noon")
_MONTH_FIRST = ("US",)
# As far back as anybody means a day: what is counted beyond is a slip, and no date may leave the calendar.
_DAYS_AGO_MAX, _WEEKS_AGO_MAX, _WEEKDAYS_AGO_MAX, _MONTHS_AGO_MAX = 3660, 3000, 520, 600
_CENTURY, _SHORT_YEARS = 2000, 100
# Any four months in a row hold two with a 31st.
_MONTHS_LOOKED_BACK = 4
# Behind "the 3rd" any other word says that it is no day of a month.
_ENDS = frozenset((
    "", "?", ".", ",", "!", ";", ":", "'s", "session", "and", "or", "-", "i", "we", "you", "she", "he", "they", "did",
    "was", "when", "about", "what", "that", "to", "until", "through", "my", "our", "the", "in", "it", ")", "again",
    "with", "onwards", "on",
))  # fmt: skip


def near_day(text: Text, at: int) -> Found | None:
    """Read "today", "yesterday", "the day before yesterday", "last night", "three days ago"."""
    start = text.after(at, "the", "earlier", "later", "just", "only")
    if text.follows(start, "day", "before", "yesterday"):
        return _found(text, text.today - timedelta(2), start + 3)
    word = text.word(start)
    if word in ("today", "tonight") or (word == "this" and text.word(start + 1) in _PARTS_OF_DAY):
        return _found(text, text.today, start + (1 if word in ("today", "tonight") else 2))
    if word == "yesterday" or (word == "last" and text.word(start + 1) in ("night", "evening")):
        return _found(text, text.today - timedelta(1), start + (1 if word == "yesterday" else 2))
    return _counted(text, at)


def _counted(text: Text, at: int) -> Found | None:
    counted = count(text, at)
    if counted is None:
        return None
    number, stop = counted
    if text.word(stop) in ("day", "night") and text.word(stop + 1) in ("ago", "back"):
        return _found(text, text.today - timedelta(number), stop + 2) if number < _DAYS_AGO_MAX else None
    if text.word(stop) in ("week", "fortnight", "month", "year") and text.word(stop + 1) == "ago":
        # "a week ago today" is a day, "a week ago" a week.
        back = {"today": 0, "yesterday": 1}.get(text.word(stop + 2))
        # Only with the day named: else it is a week or a month, read in periods.py.
        if back is not None:
            return _found(text, _back(text.today - timedelta(back), number, text.word(stop)), stop + 3)
    return None


def _back(day: date, number: int, unit: str) -> date:
    if unit in ("month", "year"):
        return moved(day, -min(number, _MONTHS_AGO_MAX) * (YEAR_MONTHS if unit == "year" else 1))
    return day - timedelta(min(number, _WEEKS_AGO_MAX) * (FORTNIGHT_DAYS if unit == "fortnight" else WEEK_DAYS))


def _found(text: Text, day: date, stop: int) -> Found:
    stop = text.after(stop, "'s")
    return Found((one(day),), text.after(stop, *_PARTS_OF_DAY), "day", settled=True)


def written_date(text: Text, at: int) -> Found | None:
    """Read 2026-05-03, 03/05/2026 and 3/5; what may mean two days is told by the country, and said."""
    token = text.token(at)
    if token is None or token.word not in ("<iso>", "<slashed>"):
        return None
    numbers = [int(part) for part in re.split(r"[-/.]", token.written)]
    if token.word == "<iso>":
        day = valid_date(numbers[0], numbers[1], numbers[2])
        return Found((one(day),), at + 1, "day", settled=True) if day else None
    month_first = (numbers[0], numbers[1])
    # Both readings where both are dates, the country's first; window.py decides by the sessions there are.
    pairs = dict.fromkeys(
        (month_first, month_first[::-1]) if text.country in _MONTH_FIRST else (month_first[::-1], month_first)
    )
    days = [day for month, number in pairs if (day := _of_pair(text, month, number, numbers[2:]))]
    if not days:
        return None
    return Found(
        tuple(map(one, days)), at + 1, "day", bare=not numbers[2:], settled=bool(numbers[2:]), ambiguous=len(days) > 1
    )


def _of_pair(text: Text, month: int, day: int, year: list[int]) -> date | None:
    if year:
        return valid_date(year[0] + (_CENTURY if year[0] < _SHORT_YEARS else 0), month, day)
    # Sessions lie in the past, so a day without a year is the latest one that has been.
    this = valid_date(text.today.year, month, day)
    return this if this and this <= text.today else valid_date(text.today.year - 1, month, day)


def ordinal_day(text: Text, at: int) -> Found | None:
    """Read "the 3rd" and "the 3rd of last month" as the latest such day."""
    start = text.after(at, "the")
    token = text.token(start)
    if token is None or not token.ordinal or not token.number or token.number > MONTH_DAYS_MAX:
        return None
    behind = text.after(start + 1, "of", "the")
    if text.word(behind) in ("last", "this", "previous") and text.word(behind + 1) == "month":
        first = moved(text.today.replace(day=1), 0 if text.word(behind) == "this" else -1)
        day = valid_date(first.year, first.month, token.number)
        return Found((one(day),), behind + 2, "day", settled=True) if day else None
    stop = behind + 1 if text.follows(text.after(start + 1, "of"), "the", "month") else start + 1
    # "The second" is mostly one of two things, and "the 3rd attempt" no day: only what ends there is.
    if start == at or text.word(stop) not in _ENDS or (token.written == "second" and stop == start + 1):
        return None
    firsts = (moved(text.today.replace(day=1), -back) for back in range(_MONTHS_LOOKED_BACK))
    days = [day for first in firsts if (day := valid_date(first.year, first.month, token.number)) and day <= text.today]
    return Found(tuple(map(one, days[:2])), stop, "day", bare=stop == start + 1)


def weekday(text: Text, at: int) -> Found | None:
    """Read a weekday, and the week that it is said to lie in, before or behind it."""
    start = text.after(at, "the")
    leading = _week_named(text, start)
    if leading and text.word(_to_weekday(text, leading[1])) in WEEKDAYS:
        place = _to_weekday(text, leading[1])
        return _in_weeks(text, place, leading[0], place + 1)
    determiner = text.word(start) if text.word(start) in ("last", "this", "past", "previous", "recent") else ""
    place = text.after(start + 1, "week") if determiner == "past" else start + (1 if determiner else 0)
    owned = (
        text.word(place) in PLURAL_WEEKDAYS
        and text.word(place + 1) == "session"
        and text.tokens[place + 1].written == "session"
    )
    if text.word(place) not in WEEKDAYS and not owned:
        return _weekdays_ago(text, at)
    stop = text.after(text.after(place + 1, "'s", "."), *_PARTS_OF_DAY)
    if text.tokens[stop - 1].written in ("mornings", "afternoons", "evenings", "nights"):
        return None
    # Speakers differ on whether that is the last one or the one before it: both are kept.
    if text.follows(stop, "before", "last"):
        return Found((_latest(text, place, 1), _latest(text, place, 2)), stop + 2, "day", settled=True)
    trailing = _week_named(text, text.after(stop, "session", ",", "of", "in", "from", "the"))
    if trailing and not determiner:
        return _in_weeks(text, place, trailing[0], trailing[1])
    return _by_itself(text, place, stop, determiner)


def _number(text: Text, place: int) -> int:
    # "Tuesdays session" lacks an apostrophe.
    return WEEKDAYS.index(text.word(place) if text.word(place) in WEEKDAYS else text.word(place).removesuffix("s"))


def _by_itself(text: Text, place: int, stop: int, determiner: str) -> Found:
    days = [_latest(text, place, 0), _latest(text, place, 1)]
    # "This Tuesday" is that of the current week, if it has come already; a later one holds no session.
    if determiner == "this":
        this = one(week(text.today).start or text.today)
        here = one((this.start or text.today) + timedelta(_number(text, place)))
        days = [here, *days] if here.start and here.start <= text.today else days
    return Found(tuple(dict.fromkeys(days)), stop, "day", bare=not determiner)


def _to_weekday(text: Text, at: int) -> int:
    return text.after(at, "'s", "on", "the", ",")


def _week_named(text: Text, at: int) -> tuple[tuple[int, ...], int] | None:
    """Return how many weeks back, likeliest first, and the place behind."""
    at = text.after(at, "the")
    if text.follows(at, "week", "before", "last"):
        return (2,), at + 3
    if text.word(at) in ("last", "previous", "this") and text.word(at + 1) == "week":
        return ((0,) if text.word(at) == "this" else (1,)), at + 2
    counted = count(text, at)
    if counted and text.word(counted[1]) in ("week", "fortnight") and text.word(counted[1] + 1) in ("ago", "back"):
        return (counted[0] * (2 if text.word(counted[1]) == "fortnight" else 1),), counted[1] + 2
    return None


def _in_weeks(text: Text, place: int, back: tuple[int, ...], stop: int) -> Found | None:
    offset = timedelta(_number(text, place))
    days = [(week(text.today, -number).start or text.today) + offset for number in back if number < _WEEKDAYS_AGO_MAX]
    stop = text.after(text.after(stop, "'s"), *_PARTS_OF_DAY)
    return Found(tuple(map(one, days)), stop, "day", settled=True) if days else None


def _weekdays_ago(text: Text, at: int) -> Found | None:
    counted = count(text, at)
    if counted is None or text.word(counted[1] + 1) != "ago":
        return None
    name = (
        text.word(counted[1]).removesuffix("s") if text.word(counted[1]) in PLURAL_WEEKDAYS else text.word(counted[1])
    )
    if name not in WEEKDAYS or not 1 <= counted[0] <= _WEEKDAYS_AGO_MAX:
        return None
    back = (text.today.weekday() - WEEKDAYS.index(name)) % WEEK_DAYS or WEEK_DAYS
    return Found(
        (one(text.today - timedelta(back + WEEK_DAYS * (counted[0] - 1))),), counted[1] + 2, "day", settled=True
    )


def _latest(text: Text, place: int, earlier: int) -> Days:
    back = (text.today.weekday() - _number(text, place)) % WEEK_DAYS or WEEK_DAYS
    return one(text.today - timedelta(back + WEEK_DAYS * earlier))


def weekday_of(text: Text, at: int) -> tuple[int, int, int] | None:
    """Read "the third Monday", for the month that follows: nth, weekday, place behind."""
    nth = ordinal(text, text.after(at, "the", "very"))
    if nth and text.word(nth[1]) in WEEKDAYS:
        return nth[0], WEEKDAYS.index(text.word(nth[1])), nth[1] + 1
    return None
