# ruff: noqa: E501 - a rule is read on one line
"""Finds the time phrase of a question: a range of days, or a position in the list of sessions.

A phrase may have several meanings; all are returned, likeliest first, and time_window.py chooses by the sessions.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from services.chat.domain.plain_text import plain


@dataclass(frozen=True)
class Days:
    """A half-open range of days `[start, end)`; None is unbounded."""

    start: date | None
    end: date | None


@dataclass(frozen=True)
class Row:
    """A slice of the sessions in order of time, with Python's semantics: `Row(-1, None)` is the last one."""

    start: int | None
    stop: int | None


@dataclass(frozen=True)
class TimePhrase:
    """A phrase and its possible meanings, likeliest first.

    `soft`: the phrase may refer to the patient's life instead of a session ("swimming on Thursday"), so it counts only
    if a session lies in its range.
    """

    words: str
    meanings: tuple[Days | Row, ...]
    soft: bool = False


MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("january", "jan"), ("february", "feb"), ("march", "mar"), ("april", "apr"), ("may",), ("june", "jun"),
            ("july", "jul"), ("august", "aug"), ("september", "sept", "sep"), ("october", "oct"), ("november", "nov"),
            ("december", "dec"),
        ),
        start=1,
    )
    for name in names
}  # fmt: skip
WEEKDAYS = {
    name: number
    for number, name in enumerate(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"))
}
COUNTS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "couple of": 2, "few": 3, "a couple of": 2, "a few": 3,
}  # fmt: skip
ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16,
    "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "twenty first": 21, "twenty second": 22,
    "twenty third": 23, "twenty fourth": 24, "twenty fifth": 25, "twenty sixth": 26, "twenty seventh": 27,
    "twenty eighth": 28, "twenty ninth": 29, "thirtieth": 30, "thirty first": 31,
}  # fmt: skip


def _any_of(words: dict[str, int]) -> str:
    return "|".join(sorted((re.escape(word).replace(r"\ ", "[ -]") for word in words), key=len, reverse=True))


_MONTH = rf"(?P<month>{_any_of(MONTHS)})\b\.?"
_COUNT = rf"(?P<count>\d{{1,3}}|{_any_of(COUNTS)})"
_DAY = rf"(?P<day>\d{{1,2}}(?:st|nd|rd|th)?|{_any_of(ORDINALS)})"
_YEAR = r"(?:,? (?:of )?(?P<year>(?:19|20)\d\d))"
_MEETING = r"(?:therapy )?(?:sessions?|meetings?|appointments?|conversations?|visits?|talks?)"
_ORDINAL = rf"(?P<nth>{_any_of(ORDINALS)}|\d{{1,2}}(?:st|nd|rd|th))"

Read = Callable[[re.Match[str], date], TimePhrase | None]
_RULES: list[tuple[re.Pattern[str], Read]] = []


def find_time(question: str, today: date) -> TimePhrase | None:
    """Return the most exact time phrase of a question, or None. Dates without a year are in the past of `today`."""
    text = plain(question)
    return next(_readings(text, today), None)


def _readings(text: str, today: date) -> Iterator[TimePhrase]:
    for pattern, read in _RULES:
        for found in pattern.finditer(text):
            phrase = read(found, today)
            if phrase is not None:
                yield phrase


def _rule(pattern: str, read: Read) -> None:
    _RULES.append((re.compile(rf"\b(?:{pattern})"), read))


def _row(start: int | None, stop: int | None) -> Read:
    return lambda found, _today: TimePhrase(found[0], (Row(start, stop),))


def _count(found: re.Match[str]) -> int:
    word = found["count"].replace("-", " ")
    return COUNTS.get(word) or int(word)


def _nth(found: re.Match[str]) -> int:
    word = found["nth"].replace("-", " ")
    return ORDINALS.get(word) or int(re.sub(r"\D", "", word))


def _back(found: re.Match[str], _today: date) -> TimePhrase:
    # "one session ago" is the last session, so "n sessions ago" is the n-th from the end.
    count = _count(found)
    return TimePhrase(found[0], (Row(-count, 1 - count or None),))


def _last_few(found: re.Match[str], _today: date) -> TimePhrase:
    return TimePhrase(found[0], (Row(-_count(found), None),))


def _first_few(found: re.Match[str], _today: date) -> TimePhrase:
    return TimePhrase(found[0], (Row(0, _count(found)),))


def _numbered(found: re.Match[str], _today: date) -> TimePhrase:
    number = _nth(found)
    return TimePhrase(found[0], (Row(number - 1, number),))


def _since_numbered(found: re.Match[str], _today: date) -> TimePhrase:
    return TimePhrase(found[0], (Row(_nth(found) - 1, None),))


def _exact_day(found: re.Match[str], today: date) -> TimePhrase | None:
    day = int(re.sub(r"\D", "", found["day"]) or ORDINALS[found["day"].replace("-", " ")])
    months = [MONTHS[found["month"]]]
    years = [int(found["year"])] if found["year"] else [today.year, today.year - 1]
    days = [valid for year in years for month in months if (valid := _valid_date(year, month, day))]
    if not found["year"]:
        # Without a year the question is about the past, unless every such date is in the future.
        days = [valid for valid in days if valid <= today] or days
    return TimePhrase(found[0], tuple(_one(valid) for valid in days)) if days else None


def _iso_day(found: re.Match[str], _today: date) -> TimePhrase | None:
    day = _valid_date(int(found["year"]), int(found["m"]), int(found["d"]))
    return TimePhrase(found[0], (_one(day),)) if day else None


def _slashed_day(found: re.Match[str], today: date) -> TimePhrase | None:
    year = int(found["year"] or today.year)
    year += 2000 if year < 100 else 0
    a, b = int(found["a"]), int(found["b"])
    # 3/5 is 5 March in the US and 3 May elsewhere.
    days = dict.fromkeys(day for day in (_valid_date(year, a, b), _valid_date(year, b, a)) if day)
    return TimePhrase(found[0], tuple(map(_one, days))) if days else None


def _month(found: re.Match[str], today: date) -> TimePhrase:
    return TimePhrase(found[0], _months_back(found, today))


def _since_month(found: re.Match[str], today: date) -> TimePhrase:
    # "since August I cannot sleep" may refer to the patient's life.
    return TimePhrase(found[0], tuple(Days(m.start, None) for m in _months_back(found, today)[:1]), soft=True)


def _before_month(found: re.Match[str], today: date) -> TimePhrase:
    return TimePhrase(found[0], tuple(Days(None, m.start) for m in _months_back(found, today)[:1]), soft=True)


def _months_between(found: re.Match[str], today: date) -> TimePhrase:
    last = _latest_month(MONTHS[found["until"]], today)
    first = date(last.year - (MONTHS[found["month"]] > last.month), MONTHS[found["month"]], 1)
    return TimePhrase(found[0], (Days(first, _next_month(last)),))


def _months_back(found: re.Match[str], today: date) -> tuple[Days, ...]:
    month = MONTHS[found["month"]]
    if found["year"]:
        first = date(int(found["year"]), month, 1)
        return (Days(first, _next_month(first)),)
    first = _latest_month(month, today)
    earlier = first.replace(year=first.year - 1)
    return (Days(first, _next_month(first)), Days(earlier, _next_month(earlier)))


def _latest_month(month: int, today: date) -> date:
    return date(today.year - (month > today.month), month, 1)


def _weekday(found: re.Match[str], today: date) -> TimePhrase:
    back = (today.weekday() - WEEKDAYS[found["weekday"]]) % 7 or 7
    return TimePhrase(found[0], (_one(today - timedelta(back)), _one(today - timedelta(back + 7))), soft=True)


def _ago(found: re.Match[str], today: date) -> TimePhrase:
    count, unit = _count(found), found["unit"]
    if unit == "day":
        return TimePhrase(found[0], (_one(today - timedelta(count)),))
    if unit == "week":
        monday = today - timedelta(today.weekday() + 7 * count)
        about = today - timedelta(7 * count)
        return TimePhrase(found[0], (_week(monday), Days(about - timedelta(4), about + timedelta(5))))
    first = _months_before(today, count * (12 if unit == "year" else 1))
    if unit == "year":
        return TimePhrase(found[0], (Days(date(first.year, 1, 1), date(first.year + 1, 1, 1)),))
    return TimePhrase(found[0], (Days(first, _next_month(first)),))


def _past(found: re.Match[str], today: date) -> TimePhrase:
    count = _count(found) if found["count"] else 1
    days = {"day": 1, "week": 7, "month": 30, "year": 365}[found["unit"]] * count
    return TimePhrase(found[0], (Days(today - timedelta(days), today + timedelta(1)),))


def _last_unit(found: re.Match[str], today: date) -> TimePhrase:
    if found["unit"] == "week":
        # The calendar week before this one, or the last seven days.
        monday = today - timedelta(today.weekday())
        meanings = (_week(monday - timedelta(7)), Days(today - timedelta(7), today + timedelta(1)))
    elif found["unit"] == "month":
        first = _months_before(today, 1)
        meanings = (Days(first, _next_month(first)), Days(today - timedelta(31), today + timedelta(1)))
    else:
        year = date(today.year - 1, 1, 1)
        meanings = (Days(year, date(today.year, 1, 1)), Days(today - timedelta(365), today + timedelta(1)))
    return TimePhrase(found[0], meanings)


def _this_unit(found: re.Match[str], today: date) -> TimePhrase:
    start = {
        "week": today - timedelta(today.weekday()),
        "month": today.replace(day=1),
        "year": date(today.year, 1, 1),
    }[found["unit"]]
    return TimePhrase(found[0], (Days(start, today + timedelta(1)),), soft=True)


def _year(found: re.Match[str], _today: date) -> TimePhrase:
    year = int(found["year"])
    return TimePhrase(found[0], (Days(date(year, 1, 1), date(year + 1, 1, 1)),))


def _near_day(back: int, *, soft: bool) -> Read:
    return lambda found, today: TimePhrase(found[0], (_one(today - timedelta(back)),), soft)


def _one(day: date) -> Days:
    return Days(day, day + timedelta(1))


def _week(monday: date) -> Days:
    return Days(monday, monday + timedelta(7))


def _next_month(first: date) -> date:
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)


def _months_before(today: date, count: int) -> date:
    months = today.year * 12 + today.month - 1 - count
    return date(months // 12, months % 12 + 1, 1)


def _valid_date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


# Ordered: more exact phrases are matched first.
_rule(r"since we (?:first )?(?:started|began|met)|since the (?:start|beginning)|(?:in|over|across|from) all (?:of )?(?:our|my|the) "
      rf"{_MEETING}", _row(None, None))  # fmt: skip
_rule(rf"since (?:the |our |my )?{_ORDINAL} {_MEETING}", _since_numbered)
_rule(rf"(?:the |our |my )?(?:{_MEETING}|time|one) before (?:the )?last(?: (?:one|time))?|(?:the )?second[ -](?:to[ -])?last {_MEETING}",
      _row(-2, -1))  # fmt: skip
_rule(rf"{_COUNT} {_MEETING} ago", _back)
_rule(rf"(?:last|past|previous|latest|most recent) (?!a |an |one ){_COUNT} {_MEETING}", _last_few)
_rule(rf"first (?!a |an |one ){_COUNT} {_MEETING}", _first_few)
_rule(rf"(?:the |our |my )?(?:very )?first (?:{_MEETING}|time (?:we|i was here|i came|i saw (?:you|my therapist)))"
      r"|when we (?:first )?(?:started|began|met)|at the (?:very )?(?:start|beginning)(?= of (?:therapy|our)|[?.!]|$)", _row(0, 1))  # fmt: skip
_rule(rf"(?:the |our |my )?(?:last|latest|most recent|previous|newest) {_MEETING}"
      r"|last time(?! (?:i|he|she|they|it|my|that i)\b(?! (?:was here|came here|saw you|saw my therapist|talked|spoke)))", _row(-1, None))  # fmt: skip
_rule(rf"(?:the |our |my |in )?{_ORDINAL} {_MEETING}", _numbered)
_rule(r"(?P<year>20\d\d)-(?P<m>\d\d)-(?P<d>\d\d)\b", _iso_day)
_rule(rf"(?:on |of |from |dated )?(?:the )?{_DAY} (?:of )?{_MONTH}{_YEAR}?(?!\w)", _exact_day)
_rule(rf"(?:on |of |from |dated )?{_MONTH} (?:the )?{_DAY}(?!\d|\w){_YEAR}?", _exact_day)
_rule(r"(?:on |of |from )(?P<a>\d{1,2})/(?P<b>\d{1,2})(?:/(?P<year>\d{2}(?:\d\d)?))?(?![\d/])", _slashed_day)
_rule(rf"(?:between|from) {_MONTH} (?:and|to|until|through) (?P<until>{_any_of(MONTHS)})\b", _months_between)
_rule(rf"since (?:last |early |late |mid )?{_MONTH}{_YEAR}?", _since_month)
_rule(rf"(?:before|until) {_MONTH}{_YEAR}?", _before_month)
_rule(
    rf"(?:in|during|of|from|last|this|through|throughout|back in) (?:early |late |mid[ -]?)?{_MONTH}{_YEAR}?(?! (?:i|we|be)\b)",
    _month,
)
_rule(r"(?:the )?day before yesterday", _near_day(2, soft=False))
_rule(r"yesterday(?:'s)?", _near_day(1, soft=False))
_rule(rf"(?:a |about |around |some )*{_COUNT} (?P<unit>day|week|month|year)s? ago", _ago)
_rule(
    rf"(?:in|over|during|within|for) (?:the |these )?(?:last|past) (?:{_COUNT} )?(?P<unit>day|week|month|year)s?\b",
    _past,
)
_rule(rf"(?:the )?(?:last|past) (?!a |an ){_COUNT} (?P<unit>day|week|month|year)s\b", _past)
_rule(r"(?:last|previous) (?P<unit>week|month|year)(?:'s)?\b", _last_unit)
_rule(r"in (?P<year>20\d\d)\b", _year)
_rule(r"this (?P<unit>week|month|year)(?:'s)?\b", _this_unit)
_rule(rf"(?:on|last|this) (?P<weekday>{'|'.join(WEEKDAYS)})\b", _weekday)
_rule(r"today(?:'s)?|this morning|this afternoon", _near_day(0, soft=True))
