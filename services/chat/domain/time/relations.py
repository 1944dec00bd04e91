"""Relations to a stretch of days or a session: since, before, after, until, between, from-to, around."""

from dataclasses import replace
from datetime import timedelta

from services.chat.domain.time.anchors import anchor
from services.chat.domain.time.counts import year_after
from services.chat.domain.time.days import ordinal_day
from services.chat.domain.time.found import Found, Meaning, firm
from services.chat.domain.time.named import day_of_month, yearly
from services.chat.domain.time.periods import counts_ago
from services.chat.domain.time.sessions import session
from services.chat.domain.time.shapes import Days, Row
from services.chat.domain.time.spans import one, valid_date
from services.chat.domain.time.tokens import Text
from services.chat.domain.time.vocabulary import MONTHS, NAME_LIKE

RELATIONS = ("since", "before", "after", "until", "by", "from", "between", "following", "through", "to", "past")
_TO = ("and", "to", "until", "through", "-", "&")
_COMPARED = ("compared", "versus", "with")
_FILLED = ("talked", "spoke", "met", "session", "saw", "chatted", "talk", "started", "discussed")
_GAP_MAX = 5


def related(text: Text, at: int) -> Found | None:
    """Read a relation and what it relates to."""
    return _range(text, at) or _bound(text, at)


def target(text: Text, at: int) -> Found | None:
    """Read what a relation may relate to, a session or a stretch of days; the sessions of a time are that time."""
    place, days = session(text, at), anchor(text, at)
    if place and (days is None or place.stop >= days.stop):
        return place
    return days


def _bound(text: Text, at: int) -> Found | None:
    start = text.after(at, "ever", "no", "at", "any", "time", "sometime", "anytime", "just", "right", "shortly", "soon", "not", "even",
                       "back", "all", "the", "way", "up", "immediately", "leading", "well", "straight", "long")  # fmt: skip
    word = text.word(start)
    reach = start + 1
    if word in ("to",) and text.word(start - 1) == "up":
        word = "before" if text.word(start - 2) in ("leading", "run", "lead") else "until"
    if word in ("earlier", "later") and text.word(reach) == "than":
        word, reach = ("before" if word == "earlier" else "until" if text.word(start - 1) in ("no", "not") else "after"), reach + 1
    if (word == "until" and text.follows(reach, "and", "including")) or text.follows(start, "to", "and", "including"):
        word, reach = "until", reach + 2
    if (word, text.word(reach)) in (("through", "to"), ("far", "as")):
        word, reach = "until", reach + 1
    if word == "to" and (text.word(start - 1) == "way" or text.word(text.after(reach, "the", "very")) == "end"):
        word = "until"
    if word == "run" and text.follows(reach, "up", "to"):
        word, reach = "before", reach + 2
    if word == "before" and text.word(reach) == "to":
        reach += 1
    if word in ("starting", "commencing") or text.follows(start, "as", "of"):
        word, reach = "since", text.after(reach, "of", "in", "on", "from")
    if word == "around" or (word == "about" and text.word(start - 1) in ("sometime",)):
        return _around(text, text.after(reach, "about"))
    if word in ("since", "before", "after", "until", "by", "following", "past", "through"):
        return _applied(text, word, text.after(reach, "about", "around", "in", "on", "at", "during", "back", "from"))
    return _onwards(text, at)


def _applied(text: Text, word: str, at: int) -> Found | None:
    found = target(text, at) or _behind_filler(text, at, word)
    if found is None:
        return None
    found = firm(found, text.today)
    if word == "by" and text.word(at) in NAME_LIKE and _is_passive(text, at - 2):
        return None
    if found.guessed:
        # "before my exam in June" may be any day of it: the wider reading is taken.
        word = {"after": "since", "before": "until"}.get(word, word)
    if word in ("past", "through", "following") and not (found.unit in ("month", "session", "feast", "day", "year", "part") and word != "past"):
        return None
    if word == "through":
        # "all through March" lasts as long as it, "through the end of March" ends with it.
        return _every(found, "until") if found.unit == "part" else None
    return _every(found, word)


def _is_passive(text: Text, at: int) -> bool:
    verb = text.word(at)
    return verb.endswith("ed") or verb in ("hurt", "told", "said", "written", "done", "taken", "given", "seen", "left")


def _behind_filler(text: Text, at: int, relation: str) -> Found | None:
    """Read "since we talked in March", and as a guess "since the accident in March"."""
    if relation in ("by", "past", "through"):
        return None
    for place in range(at + 1, at + _GAP_MAX + 1):
        if text.word(place) in ("", "?", ".", ",", ";", "!"):
            return None
        if text.word(place - 1) in ("in", "on", "at", "from", "of", "during", "over", "last", *_FILLED):
            said = [text.word(number) for number in range(at, place)]
            found = target(text, place - 1 if text.word(place - 1) == "last" else place)
            if found and found.ranges() and not any(word in ("what", "did", "how", "and", "but") for word in said):
                return replace(found, guessed=not any(word in _FILLED for word in said))
    return None


def _every(found: Found, word: str) -> Found | None:
    meanings = tuple(one_ for meaning in found.meanings if (one_ := _apply(meaning, word)))
    return replace(found, meanings=meanings, bare=False) if meanings else None


def _apply(meaning: Meaning, word: str) -> Meaning | None:
    if isinstance(meaning, Row):
        return _apply_row(meaning, word)
    match word:
        case "since" | "from":
            return Days(meaning.start, None)
        case "after" | "following":
            return Days(meaning.end, None) if meaning.end else None
        case "before":
            return Days(None, meaning.start) if meaning.start else None
        case _:
            return Days(None, meaning.end) if meaning.end else None


def _apply_row(row: Row, word: str) -> Row | None:
    match word:
        case "since" | "from":
            return Row(row.start, None)
        case "after" | "following":
            return Row(row.stop, None) if row.stop is not None else None
        case "before":
            return Row(None, row.start) if row.start else None
        case _:
            return Row(None, row.stop)


def _onwards(text: Text, at: int) -> Found | None:
    """Read "from March on", "March onwards", "from March until now"."""
    start = text.after(at, "from")
    found = target(text, start)
    if found is None:
        return None
    stop = text.after(found.stop, "'s")
    if start == at and found.bare and text.word(at) in NAME_LIKE:
        return None
    if text.word(stop) in ("onwards", "onward", "forward", "forwards") or (text.word(stop) == "on" and start > at):
        return _every(replace(found, stop=stop + 1), "since")
    if text.word(stop) == "and" and text.word(stop + 1) in ("after", "later", "onwards", "since"):
        return _every(replace(found, stop=stop + 2), "since")
    return None


def _around(text: Text, at: int) -> Found | None:
    found = anchor(text, at)
    if found is None or found.unit not in ("feast", "day"):
        return replace(found, bare=False) if found else None

    def change(days: Days) -> Days | None:
        return Days(days.start - timedelta(7), days.end + timedelta(7)) if days.start and days.end else None

    wide = found.mapped(change, found.stop)
    return replace(wide, meanings=(*wide.meanings[:1], *found.meanings)) if wide else None


def _range(text: Text, at: int) -> Found | None:
    word = text.word(at)
    start = text.after(at, "between", "from", "anywhere", "sometime", "the", "period", "time", "any") if word in ("between", "from", "anywhere", "sometime") else text.after(at, "compare", "comparing", "in", "how", "i", "was", "did")
    shared = _shared(text, start) or counts_ago(text, start)
    if shared:
        return shared
    first = session(text, start) if text.word(start) != "the" else None
    whole = session(text, at)
    if whole and whole.stop > start and isinstance(whole.meanings[0], Row) and word in ("between", "from"):
        return whole if first is None or whole.stop > first.stop else _between(text, start, first, word)
    first = target(text, start) or (target(text, start - 1) if text.word(start - 1) == "the" else None)
    return _between(text, start, first, word) if first else None


def _between(text: Text, start: int, first: Found, word: str) -> Found | None:
    together = _together(text, first)
    if together:
        return together
    joint = text.after(first.stop, ",", "all", "the", "way", "up", "right")
    compared = word in ("compare", "comparing") or text.word(joint) in ("compared", "versus")
    if text.word(joint) not in (*_TO, *_COMPARED) or (text.word(joint) in ("and", "&", "with") and word != "between" and not compared):
        return None
    behind = text.after(joint, *_TO, *_COMPARED, "in")
    if text.word(behind) in ("now", "today", "present", "tonight") or text.follows(behind, "the", "present") or text.follows(behind, "this", "week"):
        found = _every(first, "since")
        return replace(found, stop=behind + (1 if text.word(behind) in ("now", "today", "present", "tonight") else 2)) if found else None
    last = target(text, text.after(behind, "about", "around", "in", "on", "the") if target(text, behind) is None else behind)
    if last is None:
        return None
    if not compared and word not in ("between", "from") and "month" not in (first.unit, last.unit) and (first.bare or last.bare) and first.unit != "day":
        return None
    return _spanned(text, first, last, start)


def _together(text: Text, first: Found) -> Found | None:
    """Read "in July and August", "2024 or 2025": neighbours of one kind are one stretch."""
    if first.unit not in ("month", "year", "season", "week", "weekend") or text.word(first.stop) not in ("and", "or", "/", "&"):
        return None
    last = anchor(text, text.after(first.stop + 1, "in", "the"))
    if last is None or last.unit != first.unit:
        return None
    spans = [
        Days(one_.start, other.end) for other in last.ranges()[:2] for one_ in first.ranges() if one_.end and one_.end == other.start
    ]
    return replace(last, meanings=tuple(spans[:1])) if spans else None


def _spanned(text: Text, first: Found, last: Found, start: int) -> Found | None:
    if isinstance(first.meanings[0], Row) and isinstance(last.meanings[0], Row):
        return replace(last, meanings=(Row(first.meanings[0].start, last.meanings[0].stop),), bare=False)
    if not first.settled and last.settled and last.unit == first.unit and last.ranges()[:1]:
        first = _before_end(text, first, last, start)
    spans = [span for other in last.ranges()[:3] if (span := _nearest(first, other))]
    if not spans and first.ranges()[:1] and last.ranges()[:1]:
        # "between Monday and Wednesday" told the other way round.
        low, high = last.ranges()[0], first.ranges()[0]
        spans = [Days(low.start, high.end)] if low.start and high.end and low.start < high.end else []
    return replace(last, meanings=tuple(dict.fromkeys(spans)), bare=False) if spans else None


def _nearest(first: Found, last: Days) -> Days | None:
    """Return from the latest first end before the last one, so that no year is jumped."""
    starts = [one_.start for one_ in first.ranges() if one_.start and (last.start is None or one_.start <= last.start)]
    return Days(max(starts), last.end) if starts and last.end else None


def _before_end(text: Text, first: Found, last: Found, start: int) -> Found:
    """Read "between March and May 2025": a year behind the second is that of the first too."""
    end = last.ranges()[0].start
    if end is None:
        return first
    earlier = yearly(replace(text, today=end), start)
    return earlier if earlier and earlier.stop == first.stop else _weekday_before(text, first, last)


def _weekday_before(_text: Text, first: Found, last: Found) -> Found:
    end = last.ranges()[0].start
    days = first.ranges()[0]
    if first.unit != "day" or not end or not days.start:
        return first
    return replace(first, meanings=(one(end - timedelta((end.weekday() - days.start.weekday()) % 7)),))


def _shared(text: Text, at: int) -> Found | None:
    """Read two days of one month: "the 3rd and the 10th of May", "3-7 May", "May 3 to 7"."""
    start = text.after(at, "the")
    first = text.token(start)
    if text.word(start) in MONTHS and (behind := text.token(text.after(start + 1, "the"))) and behind.number:
        joint = text.after(start + 1, "the") + 1
        joint += 0 if text.word(joint) in _TO else 1
        return _days_of(text, behind.number, joint, text.word(start)) if text.word(joint) in _TO else None
    if first is None or first.number is None or first.word == "<year>" or text.word(start + 1) not in _TO:
        return None
    behind = text.after(start + 1, *_TO)
    last = day_of_month(text, text.after(behind, "the"))
    if last is None:
        other = ordinal_day(text, behind) if text.word(behind) == "the" and first.ordinal else None
        return _of_ends(text, first.number, other.ranges(), other.stop, settled=other.settled) if other else None
    given = year_after(text, last.stop)
    ends = tuple(last.of_year(given[0])) if given else tuple(one_ for back in range(3) for one_ in last.of_year(text.today.year - back))
    return _of_ends(text, first.number, ends, given[1] if given else last.stop, settled=bool(given))


def _days_of(text: Text, first: int, joint: int, month: str) -> Found | None:
    token = text.token(text.after(joint, *_TO, "the"))
    if token is None or token.number is None or token.word == "<year>" or not first < token.number <= 31:
        return None
    stop = text.after(joint, *_TO, "the") + 1
    given = year_after(text, stop)
    years = (given[0],) if given else tuple(text.today.year - back for back in range(3))
    days = [valid_date(number, MONTHS.index(month) + 1, token.number) for number in years]
    return _of_ends(text, first, tuple(one(day) for day in days if day), given[1] if given else stop, settled=bool(given))


def _of_ends(text: Text, first: int, ends: tuple[Days, ...], stop: int, *, settled: bool) -> Found | None:
    spans = []
    for end in ends:
        begin = valid_date(end.start.year, end.start.month, first) if end.start else None
        if begin and end.start and begin < end.start and (settled or begin <= text.today):
            spans.append(Days(begin, end.end))
    return Found(tuple(spans), stop, "day", settled=settled) if spans else None
