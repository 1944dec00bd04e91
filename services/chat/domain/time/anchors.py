"""Any stretch of days that can be told by itself, and those told by what they lie beside ("the week after Easter")."""

from datetime import date, timedelta

from services.chat.domain.time.calendar.spans import (
    FORTNIGHT_DAYS,
    WEEK_DAYS,
    YEAR_MONTHS,
    months,
    moved,
    one,
    week,
    weekend,
    year_of,
)
from services.chat.domain.time.days import near_day, ordinal_day, weekday, written_date
from services.chat.domain.time.found import Found, longest, remembered
from services.chat.domain.time.named import yearly
from services.chat.domain.time.parts import part
from services.chat.domain.time.periods import ago, beyond, relative, rolling, this_time, vague
from services.chat.domain.time.shapes import Days
from services.chat.domain.time.words.counts import count
from services.chat.domain.time.words.tokens import Text
from services.chat.domain.time.words.vocabulary import WEEKDAYS

_PLAIN = (written_date, near_day, part, yearly, weekday, ordinal_day, relative, ago, rolling, beyond, this_time, vague)
_NEIGHBOURS = ("day", "night", "evening", "morning", "afternoon", "week", "weekend", "fortnight", "month", "year")
# "the day after the day after ..." ends: a message may repeat it a hundred times.
DEPTH_MAX = 3
# "A million days before Easter" is no day of a calendar.
_COUNT_MAX = 1000
# How far "the days before" and "the weeks before" reach, in days; "the months before" reach about three.
_SOME_DAYS = {"day": WEEK_DAYS, "week": 3 * WEEK_DAYS}
_SOME_MONTHS_DAYS = 90
_BEFORE, _AFTER = ("before", "preceding"), ("after", "following")


@remembered
def anchor(text: Text, at: int) -> Found | None:
    """Read a stretch of days; of several readings the one of most words."""
    return _anchor(text, at, DEPTH_MAX)


def _anchor(text: Text, at: int, depth: int) -> Found | None:
    found = longest(_PLAIN, text, at)
    beside = _beside(text, at, depth) or _counted_beside(text, at, depth) or _of_week(text, at)
    # "The week after Easter" holds "week" and "Easter" as times of their own: only more words win.
    if beside and (found is None or beside.stop > found.stop):
        return beside
    return found


def _beside(text: Text, at: int, depth: int) -> Found | None:
    """Read "the day after Christmas", "the weekend before Easter", "the Tuesday after the 3rd of May"."""
    start = text.after(at, "the")
    unit = text.word(start)
    leading = text.follows(start + 1, "leading", "up", "to") or text.follows(start + 1, "running", "up", "to")
    if unit not in (*_NEIGHBOURS, *WEEKDAYS) or not (leading or text.word(start + 1) in (*_BEFORE, *_AFTER)):
        return None
    step = -1 if leading or text.word(start + 1) in _BEFORE else 1
    other = _anchor(text, start + (4 if leading else 2), depth - 1) if depth else None
    # "The week before last" lies before last week, and is read with the weeks (periods.py).
    if other is None or text.follows(start + 2, "last"):
        return None
    if text.tokens[start].written in ("days", "weeks", "months") or (leading and unit == "week"):
        length = WEEK_DAYS if leading and unit == "week" else _SOME_DAYS.get(unit, _SOME_MONTHS_DAYS)
        return other.mapped(lambda days: _stretch(days, step * length), other.stop, unit)
    return other.mapped(lambda days: _neighbour(days, unit, step), other.stop, "day")


def _neighbour(days: Days, unit: str, step: int) -> Days | None:
    if days.start is None or days.end is None:
        return None
    last = days.end - timedelta(1)
    edge = days.start - timedelta(1) if step < 0 else days.end
    if unit in WEEKDAYS:
        return one(edge + timedelta(step * ((edge.weekday() - WEEKDAYS.index(unit)) * -step % WEEK_DAYS)))
    # Not by days: a weekend beside a Saturday is the next one and not the one that it is part of.
    if unit == "weekend":
        return _weekend_beside(days.start if step < 0 else last, step)
    if unit in ("week", "fortnight"):
        # The week after a day is the next one of the calendar; after a longer stretch the seven days behind it.
        width = WEEK_DAYS if unit == "week" else FORTNIGHT_DAYS
        beside = one(days.start - timedelta(width) if step < 0 else days.end, width)
        return week(days.start, step) if unit == "week" and days.start == last else beside
    if unit == "month":
        return months(days.start.year, days.start.month - 1) if step < 0 else months(last.year, last.month + 1)
    return year_of(days.start.year + step) if unit == "year" else one(edge)


def _stretch(days: Days, length: int) -> Days | None:
    """Return some days right before or behind, as in "the weeks before Christmas"."""
    if length < 0:
        return Days(days.start + timedelta(length), days.start) if days.start else None
    return one(days.end, length) if days.end else None


def _weekend_beside(day: date, step: int) -> Days:
    this = weekend(day)
    start = this.start or day
    if step > 0:
        return this if start > day else weekend(day, 1)
    return weekend(day, -1)


def _counted_beside(text: Text, at: int, depth: int) -> Found | None:
    """Read "two weeks before Christmas", "three days after Easter"."""
    counted = count(text, at)
    if counted is None:
        return None
    number, stop = counted
    unit = text.word(stop)
    if (
        unit not in ("day", "week", "fortnight", "month", "year")
        or text.word(stop + 1) not in (*_BEFORE, *_AFTER)
        or number > _COUNT_MAX
    ):
        return None
    step = -1 if text.word(stop + 1) in _BEFORE else 1
    other = _anchor(text, stop + 2, depth - 1) if depth else None
    return other.mapped(lambda days: _distant(days, unit, step * number), other.stop, unit) if other else None


def _distant(days: Days, unit: str, number: int) -> Days | None:
    if days.start is None or days.end is None:
        return None
    # Counted from the near edge, so that a stretch of days does not count itself.
    edge = days.start if number < 0 or (days.end - days.start).days == 1 else days.end - timedelta(1)
    if unit == "day":
        return one(edge + timedelta(number))
    if unit in ("week", "fortnight"):
        return week(edge + timedelta(number * (WEEK_DAYS if unit == "week" else FORTNIGHT_DAYS)))
    return months(edge.year, edge.month + number) if unit == "month" else one(moved(edge, YEAR_MONTHS * number))


def _of_week(text: Text, at: int) -> Found | None:
    """Read "the week of 5 May", "the week beginning 4 May", "the weekend of the 14th"."""
    start = text.after(at, "the")
    unit = text.word(start)
    if unit not in ("week", "weekend"):
        return None
    begins = text.word(start + 1) in ("starting", "beginning")
    if not begins and text.word(start + 1) not in ("of", "with", "around"):
        return None
    other = longest((written_date, near_day, yearly, weekday, ordinal_day), text, text.after(start + 2, "on", "from"))
    if other is None or other.unit not in ("day", "feast"):
        return None

    def change(days: Days) -> Days | None:
        if days.start is None:
            return None
        if begins:
            return one(days.start, WEEK_DAYS)
        return week(days.start) if unit == "week" else weekend(days.start)

    return other.mapped(change, other.stop, unit)
