"""Parts of a period: mid-October, the first week of May, the last Friday of August, the second half of last year."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

from services.chat.domain.time.calendar.spans import (
    FORTNIGHT_DAYS,
    MONTH_DAYS_MAX,
    MONTH_DAYS_MEAN,
    MONTH_DAYS_MIN,
    QUARTER_MONTHS,
    SATURDAY,
    WEEK_DAYS,
    YEAR_MONTHS,
    moved,
    nth_weekday,
    one,
    week,
    weekend,
)
from services.chat.domain.time.days import weekday_of
from services.chat.domain.time.found import Found, Meaning, begun, firm, longest, remembered
from services.chat.domain.time.named import yearly
from services.chat.domain.time.periods import relative
from services.chat.domain.time.shapes import Days
from services.chat.domain.time.words.counts import count, ordinal
from services.chat.domain.time.words.tokens import Text

_EARLY, _MIDDLE, _LATE, _BEGINNING, _END = "early", "middle", "late", "beginning", "end"
_WORDS = {
    "early": _EARLY, "late": _LATE, "middle": _MIDDLE, "beginning": _BEGINNING, "end": _END, "ending": _END,
    "close": _END, "opening": _BEGINNING,
}  # fmt: skip
# A month is told in thirds of about ten days, and halved after its 15th, whatever its length.
_TEN_DAYS, _HALF_MONTH_DAYS = 10, 15
# What is longer, a season at least, is halved at the turn of a month.
_DAYS_READ_AS_DAYS_MAX = 80
_COUNT_MAX = 400
_PARTED = ("month", "year", "season", "week", "quarter")
Change = Callable[[Days], Days | None]


@remembered
def period(text: Text, at: int) -> Found | None:
    """Read what can have parts: a named or relative period, or "the month" and "the year" of today."""
    found = longest((yearly, relative), text, at)
    if found and found.unit in (*_PARTED, "weekend", "feast"):
        return found
    start = text.after(at, "the")
    if text.word(start) in ("month", "year", "week") and start > at:
        unit = text.word(start)
        first = text.today.replace(day=1) if unit == "month" else text.today.replace(month=1, day=1)
        length = 1 if unit == "month" else YEAR_MONTHS
        if unit == "week":
            monday = text.today - timedelta(text.today.weekday())
            return Found((week(monday), week(monday, -1)), start + 1, unit)
        spans = tuple(Days(moved(first, -back * length), moved(first, length - back * length)) for back in range(2))
        return Found(spans, start + 1, unit)
    return None


def part(text: Text, at: int) -> Found | None:
    """Read a part of a period."""
    for read in (_worded, _counted_units, _nth_unit, _nth_weekday, _owned):
        found = read(text, at)
        if found:
            return found
    return None


def _of(text: Text, at: int, change: Change, unit: str) -> Found | None:
    """Return the part of the period that is named here, of the latest one whose part has begun."""
    whole = period(text, text.after(at, "of", "in", "-", "during", "for", "from", "to"))
    if whole is None:
        return None
    whole = firm(whole, text.today)
    return _begun(text, whole, whole.mapped(change, whole.stop, unit))


def _begun(text: Text, whole: Found, found: Found | None) -> Found | None:
    if found is None or whole.settled:
        return found
    kept: tuple[Meaning, ...] = begun(found.ranges(), text.today)
    return replace(found, meanings=kept) if kept else None


def _worded(text: Text, at: int) -> Found | None:
    start = text.after(at, "the", "very", "around", "about", "towards", "toward", "near", "at", "tail", "back")
    word = _WORDS.get(text.word(start))
    if text.word(start) in (
        "first",
        "second",
        "last",
        "latter",
        "former",
        "early",
        "middle",
        "late",
        "final",
        "other",
    ) and text.word(start + 1) in ("half", "part", "third"):
        return _halved(text, start)
    if word is None:
        return None
    stop = text.after(start + 1, "part", "or", "middle") if text.word(start + 1) == "part" else start + 1
    if text.word(stop) == "to" and text.word(stop + 1) in _WORDS:
        # "mid to late May" is both.
        return _of(
            text, stop + 2, lambda days: _joined(_cut(days, word), _cut(days, _WORDS[text.word(stop + 1)])), "part"
        )
    return _of(text, stop, lambda days: _cut(days, word), "part")


def _halved(text: Text, at: int) -> Found | None:
    which = {"first": 0, "former": 0, "early": 0, "second": 1, "latter": 1, "last": 1, "late": 1, "other": 1}.get(
        text.word(at), 0
    )
    if text.word(at + 1) == "half":
        return _of(text, at + 2, lambda days: _half(days, which), "part")
    word = {"first": _BEGINNING, "early": _EARLY, "middle": _MIDDLE}.get(text.word(at), _LATE)
    return _of(text, at + 2, lambda days: _cut(days, word), "part")


def _half(days: Days, which: int) -> Days | None:
    if days.start is None or days.end is None:
        return None
    length = (days.end - days.start).days
    if length > _DAYS_READ_AS_DAYS_MAX:
        middle = moved(days.start, round(length / MONTH_DAYS_MEAN) // 2)
    else:
        middle = days.start + timedelta(
            _HALF_MONTH_DAYS if MONTH_DAYS_MIN <= length <= MONTH_DAYS_MAX else (length + 1) // 2
        )
    return Days(days.start, middle) if which == 0 else Days(middle, days.end)


def _cut(days: Days, word: str) -> Days | None:
    """Return the part of a period: of a month its first, middle and last ten days, of a longer one its months."""
    if days.start is None or days.end is None:
        return None
    length = (days.end - days.start).days
    if length > MONTH_DAYS_MAX:
        return _months_of(days, days.start, round(length / MONTH_DAYS_MEAN), word)
    if length >= MONTH_DAYS_MIN:
        first = {_EARLY: 0, _BEGINNING: 0, _MIDDLE: _TEN_DAYS}.get(word, 2 * _TEN_DAYS)
        end = days.end if first == 2 * _TEN_DAYS else days.start + timedelta(first + _TEN_DAYS)
        return Days(days.start + timedelta(first), end)
    if length == WEEK_DAYS:
        first, last = {_EARLY: (0, 2), _BEGINNING: (0, 2), _MIDDLE: (2, 4)}.get(word, (4, WEEK_DAYS))
        return Days(days.start + timedelta(first), days.start + timedelta(last))
    return days


def _months_of(days: Days, start: date, length: int, word: str) -> Days:
    third = max(length // 3, 1)
    # "The beginning of the year" is its first quarter, "early in the year" its first third.
    if length == YEAR_MONTHS and word in (_BEGINNING, _END):
        third = QUARTER_MONTHS
    if word in (_EARLY, _BEGINNING):
        return Days(start, moved(start, third))
    return (
        Days(moved(start, third), moved(start, 2 * third))
        if word == _MIDDLE
        else Days(moved(start, length - third), days.end)
    )


def _joined(first: Days | None, last: Days | None) -> Days | None:
    return Days(first.start, last.end) if first and last else None


def _counted_units(text: Text, at: int) -> Found | None:
    """Read "the first three weeks of May", "the last two months of 2025"."""
    start = text.after(at, "the", "very")
    if text.word(start) not in ("first", "last", "final", "closing", "opening"):
        return None
    counted = count(text, start + 1)
    unit = text.word(counted[1]) if counted else ""
    if (
        counted is None
        and text.word(start + 1) in ("day", "week", "month")
        and text.tokens[start + 1].written.endswith("s")
    ):
        # "the last days of May" are a few, "the first weeks" two.
        counted, unit = (2 if text.word(start + 1) == "week" else 3, start + 1), text.word(start + 1)
    if counted is None or unit not in ("day", "week", "month") or text.word(counted[1] + 1) not in ("of", "in"):
        return None
    backwards = text.word(start) not in ("first", "opening")
    return _of(text, counted[1] + 1, lambda days: _some(days, counted[0], unit, backwards=backwards), "part")


def _some(days: Days, number: int, unit: str, *, backwards: bool) -> Days | None:
    if days.start is None or days.end is None or number > _COUNT_MAX:
        return None
    if unit == "month":
        return Days(moved(days.end, -number), days.end) if backwards else Days(days.start, moved(days.start, number))
    length = timedelta(number * (WEEK_DAYS if unit == "week" else 1))
    return Days(days.end - length, days.end) if backwards else Days(days.start, days.start + length)


def _nth_unit(text: Text, at: int) -> Found | None:
    """Read "the second week of May", "the last weekend in June", "the first day of the year"."""
    start = text.after(at, "the", "very")
    nth = _unit_number(text, start)
    if nth is None or text.word(nth[2]) not in ("of", "in", "'s"):
        return None
    return _of(text, nth[2], lambda days: _nth(days, nth[0], nth[1]), nth[1])


def _unit_number(text: Text, at: int) -> tuple[int, str, int] | None:
    """Return the number and unit of "second week" or "week two", and the place behind."""
    if text.word(at) == "week" and (token := text.token(at + 1)) and token.number and not token.ordinal:
        return token.number, "week", at + 2
    nth = (1, at + 1) if text.word(at) == "opening" else ordinal(text, at)
    if nth is None:
        return None
    stop = text.after(nth[1], "full")
    unit = text.word(stop)
    return (nth[0], unit, stop + 1) if unit in ("day", "week", "fortnight", "weekend", "month", "quarter") else None


def _owned(text: Text, at: int) -> Found | None:
    """Read "May's first week", "last month's second half"."""
    whole = period(text, at)
    if whole is None or text.word(whole.stop - 1) != "'s":
        return None
    nth = _unit_number(text, whole.stop)
    if nth:
        return _begun(text, whole, whole.mapped(lambda days: _nth(days, nth[0], nth[1]), nth[2], nth[1]))
    half = {"first": 0, "second": 1, "latter": 1}.get(text.word(whole.stop))
    if half is not None and text.word(whole.stop + 1) == "half":
        return _begun(text, whole, whole.mapped(lambda days: _half(days, half), whole.stop + 2, "part"))
    word = _WORDS.get(text.word(whole.stop))
    return _begun(text, whole, whole.mapped(lambda days: _cut(days, word), whole.stop + 1, "part")) if word else None


def _nth(days: Days, number: int, unit: str) -> Days | None:
    if days.start is None or days.end is None:
        return None
    if unit == "weekend":
        first = weekend(
            days.start + timedelta((SATURDAY - days.start.weekday()) % WEEK_DAYS)
            if number > 0
            else days.end - timedelta(1)
        )
        if number < 0:
            last = days.end - timedelta(1)
            saturday = last - timedelta((last.weekday() - SATURDAY) % WEEK_DAYS)
            return _inside(one(saturday + timedelta(WEEK_DAYS * (number + 1)), 2), days)
        return _inside(one((first.start or days.start) + timedelta(WEEK_DAYS * (number - 1)), 2), days)
    if unit in ("month", "quarter"):
        length = 1 if unit == "month" else QUARTER_MONTHS
        start = moved(days.start, (number - 1) * length) if number > 0 else moved(days.end, number * length)
        return _inside(Days(start, moved(start, length)), days)
    length = {"week": WEEK_DAYS, "fortnight": FORTNIGHT_DAYS}.get(unit, 1)
    start = days.start + timedelta((number - 1) * length) if number > 0 else days.end + timedelta(number * length)
    found = _inside(one(start, length), days)
    # A fifth week of a month is what is left of it.
    return Days(found.start, min(found.end, days.end)) if found and found.end else found


def _inside(found: Days, days: Days) -> Days | None:
    if found.start is None or days.start is None or days.end is None:
        return None
    return found if days.start <= found.start < days.end else None


def _nth_weekday(text: Text, at: int) -> Found | None:
    """Read "the third Monday of October"."""
    nth = weekday_of(text, at)
    if nth is None or text.word(nth[2]) not in ("of", "in"):
        return None

    def change(days: Days) -> Days | None:
        if days.start is None or days.end is None or (days.end - days.start).days > MONTH_DAYS_MAX:
            return None
        day = nth_weekday(days.start.year, days.start.month, nth[1], nth[0])
        return one(day) if day else None

    return _of(text, nth[2], change, "day")
