"""What comes every year and has a name: days of months, months, seasons, feasts, quarters and halves."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from services.chat.domain.time.calendar import feasts
from services.chat.domain.time.calendar.spans import (
    HALF_YEAR_MONTHS,
    MONTH_DAYS_MAX,
    QUARTER_MONTHS,
    YEAR_MONTHS,
    months,
    one,
    season,
    valid_date,
    weekend,
)
from services.chat.domain.time.found import YEARS_TOLD, Found, OfYear, latest, remembered
from services.chat.domain.time.shapes import Days
from services.chat.domain.time.words.counts import count, year, year_after
from services.chat.domain.time.words.tokens import Text
from services.chat.domain.time.words.vocabulary import MONTHS, SEASONS, WEEKDAYS

# "The fourth of July" is spelled with a numeral in the list of feasts, and only this one.
_INDEPENDENCE_DAY = 4
_DETERMINERS = ("last", "this", "past", "previous", "recent")
_STRETCHING = ("over", "during", "throughout")


@dataclass(frozen=True)
class Named:
    """A name and its days in each year. `clear`: it is not a word or name of another kind."""

    of_year: OfYear
    stop: int
    unit: str
    clear: bool = False


@remembered
def yearly(text: Text, at: int) -> Found | None:
    """Read `[the] [last] NAME [YEAR]`, or `last year's NAME`."""
    leading = _leading_year(text, at)
    if leading:
        return leading
    counted = count(text, at)
    if (
        counted
        and (name := _name(text, counted[1]))
        and text.word(name.stop) == "ago"
        and name.unit in ("season", "feast")
    ):
        meanings = _firsts(name, text, ended=True)[counted[0] - 1 : counted[0]]
        return Found(meanings, name.stop + 1, name.unit, settled=True) if meanings else None
    start = text.after(at, "the", "very", "most")
    determiner = text.word(start) if text.word(start) in _DETERMINERS else ""
    start += 1 if determiner else 0
    name = _name(text, start, stretched=text.word(at - 1) in _STRETCHING)
    if name is None:
        return None
    following = year_after(text, name.stop)
    if following and not (determiner and text.word(following[1] - 1) == "year"):
        return _in_year(name, *following)
    if text.follows(name.stop, "before", "last"):
        meanings = _firsts(name, text, ended=True)[1:]
        return Found(meanings[:1], name.stop + 2, name.unit) if meanings else None
    meanings = latest(name.of_year, text.today, ended=determiner in ("last", "past", "previous"))
    bare = not (determiner or name.clear)
    return Found(meanings, name.stop, name.unit, bare) if meanings else None


def _firsts(name: Named, text: Text, *, ended: bool) -> tuple[Days, ...]:
    """Return the likeliest days of the latest years, the latest first."""
    return latest(lambda number: tuple(name.of_year(number))[:1], text.today, ended=ended, years=YEARS_TOLD)


def _in_year(name: Named, number: int, stop: int) -> Found | None:
    meanings = tuple(name.of_year(number))
    if name.unit == "season":
        # The winter of 2025 may be the one that began or the one that ended in it.
        meanings += tuple(one for one in name.of_year(number - 1) if one.end and one.end.year == number)
    return Found(meanings, stop, name.unit, settled=True) if meanings else None


def _leading_year(text: Text, at: int) -> Found | None:
    leading = year(text, at)
    if leading is None:
        return None
    start = text.after(leading[1], "'s", ",", "in", "on", "at", "the", "around", "during")
    name = _name(text, start) if start > leading[1] or leading[1] - at > 1 else _name(text, leading[1])
    return _in_year(name, leading[0], name.stop) if name else None


def _name(text: Text, at: int, *, stretched: bool = False) -> Named | None:
    readers: tuple[Callable[[Text, int], Named | None], ...] = (
        partial(_feast, stretched=stretched), day_of_month, _month, _season, _quarter,
    )  # fmt: skip
    return max((found for read in readers if (found := read(text, at))), key=lambda found: found.stop, default=None)


def _feast(text: Text, at: int, *, stretched: bool) -> Named | None:
    words: list[str] = []
    places: list[tuple[int, int]] = []
    place = at
    while len(words) < feasts.WORDS_MAX + 1 and text.word(place):
        if text.word(place) not in ("'s", ".", "-"):
            words.append(_numeral(text, place))
        places.append((place + 1, len(words)))
        place += 1
    for stop, length in reversed(places):
        said = " ".join(words[:length])
        name = feasts.ALIASES.get(said, said)
        if length and name in feasts.NAMES:
            return _as_feast(text, name, stop, stretched=stretched)
    return None


def _numeral(text: Text, at: int) -> str:
    return "4th" if text.word(at) == "<number>" and text.tokens[at].number == _INDEPENDENCE_DAY else text.word(at)


def _as_feast(text: Text, name: str, stop: int, *, stretched: bool) -> Named:
    stop = text.after(stop, "'s")
    if text.word(stop) == "weekend" and name in feasts.WITH_WEEKEND:
        name, stop = feasts.WITH_WEEKEND[name], stop + 1
    elif text.word(stop) == "week" and f"{name} week" in feasts.NAMES:
        name, stop = f"{name} week", stop + 1
    elif stretched:
        name = feasts.STRETCHED.get(name, name)
    elif text.word(stop) == "weekend":
        return Named(lambda number: _weekends(name, number, text.country), stop + 1, "weekend")
    stop = text.after(stop, "day") if text.word(stop - 1) != "day" else stop
    stop = text.after(stop, "morning", "evening", "night", "afternoon")
    return Named(lambda number: feasts.of_year(name, number, text.country), stop, "feast")


def _weekends(name: str, number: int, country: str) -> tuple[Days, ...]:
    return tuple(weekend(feast.start) for feast in feasts.of_year(name, number, country)[:1] if feast.start)


def day_of_month(text: Text, at: int) -> Named | None:
    """Read "3 May", "the 3rd of May", "May 3", "May the 3rd", with a weekday in front or not."""
    at = _after_weekday(text, at)
    start = text.after(at, "the")
    day = _day(text, start)
    if day:
        month = text.after(start + 1, "of", "-")
        if text.word(month) in MONTHS:
            return _as_day(MONTHS.index(text.word(month)) + 1, day, month + 1)
    if text.word(at) in MONTHS:
        start = text.after(at + 1, ".", "the")
        day = _day(text, start)
        if day and text.word(start + 1) not in (
            "session",
            "time",
            "week",
            "year",
            "month",
            "day",
            "people",
            "%",
            "<clock>",
        ):
            return _as_day(MONTHS.index(text.word(at)) + 1, day, start + 1)
    return None


def _after_weekday(text: Text, at: int) -> int:
    start = text.after(at, "the")
    return text.after(start + 1, ",", ".", "the") if text.word(start) in WEEKDAYS else at


def _day(text: Text, at: int) -> int | None:
    token = text.token(at)
    return (
        token.number if token and token.number and token.number <= MONTH_DAYS_MAX and token.word != "<year>" else None
    )


def _as_day(month: int, day: int, stop: int) -> Named:
    def of_year(number: int) -> tuple[Days, ...]:
        valid = valid_date(number, month, day)
        return (one(valid),) if valid else ()

    return Named(of_year, stop, "day", clear=True)


def _month(text: Text, at: int) -> Named | None:
    start = at + 2 if text.follows(at, "month", "of") else at
    if text.word(start) not in MONTHS:
        return None
    month = MONTHS.index(text.word(start)) + 1
    stop = text.after(start + 1, ".") if text.tokens[start].short else start + 1
    return Named(lambda number: (months(number, month),), text.after(stop, "'s"), "month", clear=start > at)


def _season(text: Text, at: int) -> Named | None:
    name = text.word(at)
    if name not in SEASONS:
        return None
    return Named(lambda number: (season(name, number, south=text.south),), text.after(at + 1, "'s"), "season")


def _quarter(text: Text, at: int) -> Named | None:
    written = text.word(at)
    if len(written) == 1 and written in "qh" and (token := text.token(at + 1)) and token.word == "<number>":
        return _as_part(QUARTER_MONTHS if written == "q" else HALF_YEAR_MONTHS, token.number or 0, at + 2)
    first = text.token(at)
    if first and first.ordinal and first.number and text.word(at + 1) in ("quarter", "half"):
        stop = text.after(at + 2, "of")
        # "the first half of May" is a part of a month, and read as such.
        of_year = text.word(text.after(stop, "the")) in ("", "year", "?", ",", ".") or year(text, stop) is not None
        stop = text.after(stop, "the", "year") if text.follows(text.after(stop, "the"), "year") else at + 2
        return (
            _as_part(QUARTER_MONTHS if text.word(at + 1) == "quarter" else HALF_YEAR_MONTHS, first.number, stop)
            if of_year
            else None
        )
    return None


def _as_part(length: int, number: int, stop: int) -> Named | None:
    if not 1 <= number <= YEAR_MONTHS // length:
        return None
    return Named(lambda year_: (months(year_, (number - 1) * length + 1, length),), stop, "quarter", clear=True)
