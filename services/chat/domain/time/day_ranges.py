"""Two days of one month: "the 3rd and the 10th of May", "3-7 May", "May 3 to 7"."""

from services.chat.domain.time.calendar.spans import one, valid_date
from services.chat.domain.time.days import ordinal_day
from services.chat.domain.time.found import READINGS_MAX, Found
from services.chat.domain.time.named import day_of_month
from services.chat.domain.time.shapes import Days
from services.chat.domain.time.words.counts import year_after
from services.chat.domain.time.words.tokens import Text
from services.chat.domain.time.words.vocabulary import MONTHS

TO = ("and", "to", "until", "through", "-", "&")


def days_of_one_month(text: Text, at: int) -> Found | None:
    """Read two days that share the name of their month."""
    start = text.after(at, "the")
    if text.word(start) in MONTHS:
        return _behind_month(text, start)
    first = text.token(start)
    if first is None or first.number is None or first.word == "<year>" or text.word(start + 1) not in TO:
        return None
    behind = text.after(start + 1, *TO)
    last = day_of_month(text, text.after(behind, "the"))
    if last is None:
        other = ordinal_day(text, behind) if text.word(behind) == "the" and first.ordinal else None
        return _spans(text, first.number, other) if other else None
    given = year_after(text, last.stop)
    ends = tuple(days for year in _years(text, given) for days in last.of_year(year))
    return _spans(text, first.number, Found(ends, given[1] if given else last.stop, "day", settled=bool(given)))


def _behind_month(text: Text, at: int) -> Found | None:
    """Read "May 3 to 7"."""
    place = text.after(at + 1, "the")
    first = text.token(place)
    joint = place + 1
    behind = text.after(joint, *TO, "the")
    last = text.token(behind)
    if first is None or not first.number or text.word(joint) not in TO or last is None or last.word == "<year>":
        return None
    if last.number is None or not first.number < last.number:
        return None
    given, month = year_after(text, behind + 1), MONTHS.index(text.word(at)) + 1
    days = (valid_date(year, month, last.number) for year in _years(text, given))
    ends = tuple(one(day) for day in days if day)
    return _spans(text, first.number, Found(ends, given[1] if given else behind + 1, "day", settled=bool(given)))


def _years(text: Text, given: tuple[int, int] | None) -> tuple[int, ...]:
    return (given[0],) if given else tuple(text.today.year - back for back in range(READINGS_MAX))


def _spans(text: Text, first: int, last: Found) -> Found | None:
    def from_first(end: Days) -> Days | None:
        begin = valid_date(end.start.year, end.start.month, first) if end.start else None
        if begin is None or end.start is None or begin >= end.start or (not last.settled and begin > text.today):
            return None
        return Days(begin, end.end)

    return last.mapped(from_first, last.stop)
