"""Relations of a phrase to two ends: between, from-to, two neighbours, two that are compared."""

from dataclasses import replace
from datetime import timedelta

from services.chat.domain.time.anchors import anchor
from services.chat.domain.time.bounds import bound, every, target
from services.chat.domain.time.calendar.spans import one
from services.chat.domain.time.day_ranges import TO, days_of_one_month
from services.chat.domain.time.found import READINGS_MAX, Found
from services.chat.domain.time.named import yearly
from services.chat.domain.time.periods import counts_ago
from services.chat.domain.time.sessions import session
from services.chat.domain.time.shapes import Days, SessionSlice
from services.chat.domain.time.words.tokens import Text

_RANGE_OPENS = ("between", "from", "anywhere", "sometime", "the", "period", "time", "any")
_COMPARING = ("compare", "comparing", "in", "how", "i", "was", "did")
_NEIGHBOURS = ("month", "year", "season", "week", "weekend")
_COMPARED = ("compared", "versus", "with")
_NOW = ("now", "today", "present", "tonight")


def related(text: Text, at: int) -> Found | None:
    """Read a relation and what it relates to."""
    return _range(text, at) or bound(text, at)


def _range(text: Text, at: int) -> Found | None:
    word = text.word(at)
    start = text.after(at, *(_RANGE_OPENS if word in _RANGE_OPENS[:4] else _COMPARING))
    shared = days_of_one_month(text, start) or counts_ago(text, start)
    if shared:
        return shared
    sessions = session(text, at) if word in ("between", "from") else None
    first = target(text, start) or (target(text, start - 1) if text.word(start - 1) == "the" else None)
    if sessions and (first is None or sessions.stop > first.stop):
        return sessions
    return _between(text, start, first, word) if first else None


def _between(text: Text, start: int, first: Found, word: str) -> Found | None:
    together = _together(text, first)
    if together:
        return together
    joint = text.after(first.stop, ",", "all", "the", "way", "up", "right")
    # What is compared is searched as one stretch that holds both; the answer then tells them apart.
    compared = word in _COMPARING[:2] or text.word(joint) in _COMPARED[:2]
    # "X and Y" is a range behind "between" only; elsewhere it names two things.
    paired = text.word(joint) in ("and", "&", "with") and word != "between" and not compared
    if text.word(joint) not in (*TO, *_COMPARED) or paired:
        return None
    behind = text.after(joint, *TO, *_COMPARED, "in")
    if text.word(text.after(behind, "the")) in _NOW:
        found = every(first, "since")
        return replace(found, stop=text.after(behind, "the") + 1) if found else None
    last = target(text, behind) or target(text, text.after(behind, "about", "around", "in", "on", "the"))
    if last is None or not (compared or word in ("between", "from") or _is_range(first, last)):
        return None
    return _spanned(text, first, last, start)


def _is_range(first: Found, last: Found) -> bool:
    """Tell whether two ends are a range without a word in front: "May to July", but not "Tuesday to me"."""
    return "month" in (first.unit, last.unit) or first.unit == "day" or not (first.bare or last.bare)


def _together(text: Text, first: Found) -> Found | None:
    """Read "in July and August", "2024 or 2025": neighbours of one kind are one stretch."""
    # Days are left out: "Monday and Tuesday" are two days and no stretch between them.
    if first.unit not in _NEIGHBOURS or text.word(first.stop) not in ("and", "or", "/", "&"):
        return None
    last = anchor(text, text.after(first.stop + 1, "in", "the"))
    if last is None or last.unit != first.unit:
        return None
    pairs = ((begin, end) for end in last.ranges()[:2] for begin in first.ranges())
    spans = tuple(Days(begin.start, end.end) for begin, end in pairs if begin.end and begin.end == end.start)
    return replace(last, meanings=spans[:1]) if spans else None


def _spanned(text: Text, first: Found, last: Found, start: int) -> Found | None:
    if isinstance(first.meanings[0], SessionSlice) and isinstance(last.meanings[0], SessionSlice):
        return replace(last, meanings=(SessionSlice(first.meanings[0].start, last.meanings[0].stop),), bare=False)
    # A year that was said once, behind the second end, dates the first one too.
    if not first.settled and last.settled and last.unit == first.unit and last.ranges()[:1]:
        first = _before_end(text, first, last, start)
    spans = [span for other in last.ranges()[:READINGS_MAX] if (span := _nearest(first, other))]
    if not spans and first.ranges()[:1] and last.ranges()[:1]:
        # "between Monday and Wednesday" told the other way round.
        low, high = last.ranges()[0], first.ranges()[0]
        spans = [Days(low.start, high.end)] if low.start and high.end and low.start < high.end else []
    return replace(last, meanings=tuple(dict.fromkeys(spans)), bare=False) if spans else None


def _nearest(first: Found, last: Days) -> Days | None:
    """Return from the latest first end before the last one, so that no year is jumped."""
    starts = [days.start for days in first.ranges() if days.start and (last.start is None or days.start <= last.start)]
    return Days(max(starts), last.end) if starts and last.end else None


def _before_end(text: Text, first: Found, last: Found, start: int) -> Found:
    """Read "between March and May 2025": a year behind the second is that of the first too."""
    end = last.ranges()[0].start
    if end is None:
        return first
    earlier = yearly(text.asked_on(end), start)
    return earlier if earlier and earlier.stop == first.stop else _weekday_before(first, last)


def _weekday_before(first: Found, last: Found) -> Found:
    end = last.ranges()[0].start
    days = first.ranges()[0]
    if first.unit != "day" or not end or not days.start:
        return first
    return replace(first, meanings=(one(end - timedelta((end.weekday() - days.start.weekday()) % 7)),))
