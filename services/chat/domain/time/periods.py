"""Stretches of days told relative to today: weeks, weekends, months, years, counts of them, and vague words."""

from datetime import timedelta

from services.chat.domain.time.calendar.spans import (
    FORTNIGHT_DAYS,
    HALF_YEAR_MONTHS,
    QUARTER_MONTHS,
    SATURDAY,
    WEEK_DAYS,
    YEAR_MIN,
    YEAR_MONTHS,
    months,
    moved,
    one,
    week,
    weekend,
    year_of,
)
from services.chat.domain.time.found import Found, remembered
from services.chat.domain.time.shapes import Days
from services.chat.domain.time.words.counts import count, year
from services.chat.domain.time.words.tokens import Text

_ROLLING = ("last", "past", "recent", "previous")
_UNITS = ("day", "week", "fortnight", "month", "quarter", "year", "weekend")
_PLURALS = ("weekends", "days", "weeks", "months", "years")
# In months this is a century, which is as far back as a life is told.
_COUNT_MAX = 1200
_A_FEW = 3
_DAY_HOURS = 24
_BEFORE_UNIT = ("the", "earlier", "sometime", "so", "far", "all", "whole", "entire", "of", "course", "later")
_WITHIN = ("in", "over", "during", "within", "for", "across", "throughout")
_THIS = ("this", "current")
_OWNED = ("session", "homework", "notes")
_RECENTLY_DAYS, _MONTHS_DAYS = 30, 92
_VAGUE = {
    ("recently",): _RECENTLY_DAYS, ("lately",): _RECENTLY_DAYS, ("of", "late"): _RECENTLY_DAYS,
    ("these", "day"): _RECENTLY_DAYS, ("nowadays",): _RECENTLY_DAYS, ("in", "recent", "week"): _RECENTLY_DAYS,
    ("in", "recent", "day"): WEEK_DAYS, ("in", "recent", "month"): _MONTHS_DAYS, ("the", "other", "day"): WEEK_DAYS,
    ("the", "other", "week"): 3 * WEEK_DAYS,
    ("the", "other", "night"): WEEK_DAYS, ("over", "recent", "week"): _RECENTLY_DAYS,
    ("over", "recent", "month"): _MONTHS_DAYS,
    ("just", "now"): 1, ("not", "long", "ago"): _RECENTLY_DAYS, ("not", "so", "long", "ago"): _RECENTLY_DAYS,
    ("in", "recent", "times"): _RECENTLY_DAYS, ("the", "recent", "past"): _RECENTLY_DAYS,
}  # fmt: skip


@remembered
def relative(text: Text, at: int) -> Found | None:
    """Read "last week", "this month", "the year before last", "earlier this year"."""
    start = text.after(at, *_BEFORE_UNIT)
    word, unit = text.word(start), text.word(start + 1)
    last = text.after(start + 2, "the")
    if word in _UNITS and text.word(start + 1) == "before" and text.word(last) == "last":
        return _unit(text, word, 2, last + 1)
    if word in _UNITS and text.follows(start + 1, "just", "gone"):
        return _unit(text, word, 1, start + 3)
    # "last weeks session" lacks an apostrophe; "the last weeks" are counted by `rolling`.
    plural = unit in _UNITS and text.tokens[start + 1].written in _PLURALS and text.word(start + 2) not in _OWNED
    if unit not in _UNITS[1:] or plural or word not in (*_ROLLING, *_THIS):
        return _whole(text, at)
    stop = text.after(start + 2, "'s")
    if word in _THIS:
        return _unit(text, unit, 0, text.after(stop, "so", "far"))
    within = word != "previous" and start > at and text.word(at) == "the" and text.word(at - 1) in _WITHIN
    return _rolling(text, 1, unit, stop) if word == "past" or within else _unit(text, unit, 1, stop)


def _whole(text: Text, at: int) -> Found | None:
    """Read "the weekend", "the year so far", a year by its number."""
    start = text.after(at, "the", "this", "past")
    if text.word(start) == "weekend" and start > at and text.tokens[start].written not in _PLURALS:
        return _unit(text, "weekend", 0, text.after(start + 1, "'s"))
    if text.word(start) in ("week", "month", "year") and text.follows(start + 1, "so", "far") and start > at:
        return _unit(text, text.word(start), 0, start + 3)
    start = at + 2 if text.follows(at, "year", "of") else at
    start = start + 2 if text.follows(start, "the", "year") else start + (text.word(start) == "year")
    token = text.token(start)
    found = (
        year(text, start)
        if token and token.number and not token.ordinal and token.word in ("<number>", "<year>")
        else None
    )
    if found and found[1] == start + 1:
        return Found((year_of(found[0]),), text.after(found[1], "'s"), "year", bare=start == at, settled=True)
    return None


def _unit(text: Text, unit: str, back: int, stop: int) -> Found:
    """Return the unit of the calendar so many before this one; the one before it is also the days just gone."""
    today = text.today
    if unit == "weekend":
        return _weekend(text, back, stop)
    if unit == "day":
        return Found((one(today - timedelta(back)),), stop, unit, settled=True)
    if unit == "fortnight":
        return Found((Days(today - timedelta(FORTNIGHT_DAYS), today + timedelta(1)),), stop, unit, settled=True)
    if unit == "week":
        calendar, rolling = week(today, -back), Days(today - timedelta(WEEK_DAYS), today + timedelta(1))
    elif unit == "year":
        calendar, rolling = year_of(today.year - back), Days(moved(today, -YEAR_MONTHS), today + timedelta(1))
    else:
        length = QUARTER_MONTHS if unit == "quarter" else 1
        first = today.month - (today.month - 1) % length
        calendar = months(today.year, first - back * length, length)
        rolling = Days(moved(today, -length), today + timedelta(1))
    return Found((calendar, rolling) if back == 1 else (calendar,), stop, unit, settled=True)


def _weekend(text: Text, back: int, stop: int) -> Found:
    # On a weekend "the weekend" is this one, and "last weekend" the one before; else the latest.
    inside = text.today.weekday() >= SATURDAY
    latest = 0 if inside else -1
    first = latest if back == 0 else latest - back + (0 if inside else 1)
    return Found((weekend(text.today, first), weekend(text.today, first - 1)), stop, "weekend", settled=True)


def ago(text: Text, at: int) -> Found | None:
    """Read "two weeks ago", "a year back", "half a year ago"."""
    half = text.after(at, "about", "around")
    if text.follows(half, "half", "a", "year", "ago") or text.follows(half, "half", "year", "ago"):
        return _units_ago(text, HALF_YEAR_MONTHS, "month", text.after(half, "half", "a", "year") + 1)
    if text.follows(at, "a", "year", "and", "a", "half", "ago"):
        return _units_ago(text, YEAR_MONTHS + HALF_YEAR_MONTHS, "month", at + 6)
    counted = count(text, at)
    if counted is None or not 1 <= counted[0] <= _COUNT_MAX:
        return None
    number, stop = counted
    if text.word(stop) not in _UNITS[1:]:
        return None
    if text.word(stop + 1) in ("ago", "back"):
        return _units_ago(text, number, text.word(stop), stop + 2)
    return None


def counts_ago(text: Text, at: int) -> Found | None:
    """Read "two to four weeks ago", "two or three months ago"."""
    low = count(text, at)
    if low is None or text.word(low[1]) not in ("and", "to", "or", "-"):
        return None
    later = ago(text, low[1] + 1)
    if later is None or later.unit not in ("day", "week", "month", "year"):
        return None
    near = _units_ago(text, low[0], later.unit, later.stop)
    first, last = later.ranges()[:1], near.ranges()[:1] if near else ()
    if not first or not last or not first[0].start or not last[0].end or first[0].start >= last[0].end:
        return None
    return Found((Days(first[0].start, last[0].end),), later.stop, later.unit, settled=True)


def beyond(text: Text, at: int) -> Found | None:
    """Read "more than a month ago", "less than two weeks ago"."""
    words = ("more", "longer", "less"), ("over", "under")
    if text.word(at) in words[0] and text.word(at + 1) == "than":
        start, earlier = at + 2, text.word(at) != "less"
    elif text.word(at) in words[1]:
        start, earlier = at + 1, text.word(at) == "over"
    else:
        return None
    counted = count(text, start)
    if counted is None or not 1 <= counted[0] <= _COUNT_MAX or text.word(counted[1] + 1) != "ago":
        return None
    unit = text.word(counted[1])
    found = _rolling(text, counted[0], unit, counted[1] + 2) if unit in _UNITS else None
    return found.mapped(lambda days: Days(None, days.start) if earlier else days, found.stop) if found else None


def this_time(text: Text, at: int) -> Found | None:
    """Read "this time last year", "this week last year"."""
    unit = text.word(at + 1)
    whole = text.word(at + 3)
    ago = text.word(at + 2) == "a" and text.word(at + 4) == "ago"
    if text.word(at) != "this" or unit not in ("time", "day", "week", "month"):
        return None
    if whole not in ("year", "month", "week") or not (ago or text.word(at + 2) == "last"):
        return None
    stop = at + (5 if ago else 4)
    day = (
        text.today - timedelta(WEEK_DAYS)
        if whole == "week"
        else moved(text.today, -YEAR_MONTHS if whole == "year" else -1)
    )
    month, around = months(day.year, day.month), Days(day - timedelta(WEEK_DAYS), day + timedelta(WEEK_DAYS + 1))
    told = {"day": one(day), "week": week(day), "month": month}.get(unit)
    vague = (month, around) if whole == "year" else (week(day), one(day))
    return Found((told,) if told else vague, stop, "day", settled=True)


def _units_ago(text: Text, number: int, unit: str, stop: int) -> Found | None:
    today = text.today
    if unit == "fortnight":
        unit, number = "week", number * 2
    if unit == "week":
        day = today - timedelta(WEEK_DAYS * number)
        about = one(day - timedelta(WEEK_DAYS // 2), WEEK_DAYS)
        return Found((week(today, -number), about, one(day)), stop, "week", settled=True)
    if unit == "weekend":
        return _weekend(text, number, stop)
    if unit == "year" and number > today.year - YEAR_MIN:
        return None
    found = _unit(text, unit, number, stop)
    day = moved(today, -number * {"year": YEAR_MONTHS, "quarter": QUARTER_MONTHS}.get(unit, 1))
    return Found((*found.meanings[:1], one(day)), stop, unit, settled=True)


def rolling(text: Text, at: int) -> Found | None:
    """Read "the last three weeks", "the past couple of months"."""
    start = text.after(at, "the", "these", "my", "our")
    if text.word(start) not in _ROLLING or text.word(start + 1) in ("a", "an"):
        return None
    counted = _months_and_half(text, start + 1) or _counted(text, start)
    if counted is None or not 1 <= counted[0] <= _COUNT_MAX or text.word(counted[2]) == "of":
        return None
    return _rolling(text, counted[0], counted[1], text.after(counted[2], "or", "so"))


def _months_and_half(text: Text, at: int) -> tuple[int, str, int] | None:
    half = text.after(at, "half", "a")
    if text.word(at) == "half" and text.word(half) == "year":
        return HALF_YEAR_MONTHS, "month", half + 1
    return (YEAR_MONTHS + HALF_YEAR_MONTHS, "month", at + 4) if text.follows(at, "year", "and", "a", "half") else None


def _counted(text: Text, at: int) -> tuple[int, str, int] | None:
    """Return the count and unit behind "last": "three weeks", "48 hours", or a few of them ("the last weeks")."""
    counted = count(text, at + 1)
    if counted is None:
        unit = text.word(at + 1)
        plural = unit in _UNITS and text.word(at) != "recent" and text.tokens[at + 1].written.endswith("s")
        return (_A_FEW, unit, at + 2) if plural else None
    unit, stop = text.word(counted[1]), counted[1] + 1
    if unit == "hours" and counted[0] % _DAY_HOURS == 0:
        return counted[0] // _DAY_HOURS, "day", stop
    return (counted[0], unit, stop) if unit in _UNITS else None


def _rolling(text: Text, number: int, unit: str, stop: int) -> Found | None:
    today = text.today
    if unit == "weekend":
        return Found((Days(weekend(today, -number).start, today + timedelta(1)),), stop, unit, settled=True)
    if unit in ("day", "week", "fortnight"):
        start = today - timedelta(number * {"day": 1, "week": WEEK_DAYS, "fortnight": FORTNIGHT_DAYS}[unit])
        whole = week(today, -number).start if unit == "week" else None
    else:
        length = {"month": 1, "quarter": QUARTER_MONTHS, "year": YEAR_MONTHS}[unit]
        if number * length > _COUNT_MAX:
            return None
        start, whole = moved(today, -number * length), None
    meanings = [Days(start, today + timedelta(1))]
    if whole:
        # The days just gone are likelier; whole weeks of the calendar are the other thing it may mean.
        meanings.append(Days(whole, week(today).start))
    return Found(tuple(meanings), stop, unit, settled=True)


def vague(text: Text, at: int) -> Found | None:
    """Read "recently", "the other day": some days back, never more exact than it was said."""
    for words, days in _VAGUE.items():
        if text.follows(at, *words):
            start = text.today - timedelta(days)
            return Found((Days(start, text.today + timedelta(1)),), at + len(words), "vague", settled=True)
    return None
