"""Places in the list of sessions: "last session", "session 3", "the penultimate one", "two sessions ago"."""

from services.chat.domain.time.found import Found, remembered
from services.chat.domain.time.meetings import OURS, meeting, ours
from services.chat.domain.time.shapes import SessionSlice
from services.chat.domain.time.therapy import therapy
from services.chat.domain.time.words.counts import count, ordinal
from services.chat.domain.time.words.tokens import Text
from services.chat.domain.time.words.vocabulary import SEASONS, UNITS

_LATEST = ("last", "latest", "previous", "newest", "past", "recent", "final")
_FIRST = ("initial", "opening", "introductory", "earliest", "intake", "inaugural")
_NUMBERS_MAX = 2000
_ENDS = ("", "?", ".", ",")
_INTO = ("in", "at", "from")
# Behind "the session before last" these say that it is another last one ("before last Christmas").
_OTHER_LAST = frozenset((*UNITS, *SEASONS, "christmas", "easter", "time"))
_PEOPLE = ("i", "he", "she", "they", "it", "my", "someone", "anyone", "you")


@remembered
def session(text: Text, at: int) -> Found | None:
    """Read a place in the list of sessions."""
    readers = (_beside, _counted_back, _some, _numbered, _from_to, _ordinal, therapy)
    found = [one for read in readers if (one := read(text, at))]
    return max(found, key=lambda one: one.stop, default=None)


def _row(start: int | None, stop: int | None, end: int) -> Found:
    # Settled: its place in the list is the same whatever day it is today.
    return Found((SessionSlice(start, stop),), end, "session", settled=True)


def nth_row(number: int, end: int) -> Found:
    """Return the session of a number, counted from the first (1) or the last (-1)."""
    # A slice that ends with the last session has no stop: -1 + 1 would be 0, which ends before the first.
    return _row(number - 1, number, end) if number > 0 else _row(number, number + 1 or None, end)


def _beside(text: Text, at: int) -> Found | None:
    """Read "the session before last", "the one before the penultimate", "the session after the first"."""
    start = ours(text, at)
    counted = count(text, start)
    steps = counted[0] if counted and text.word(counted[1]) == "session" else 1
    start = counted[1] if counted and steps > 1 else start
    behind = meeting(text, start) or (start + 1 if text.word(start) in ("one", "time") else None)
    place = text.after(behind, "just", "right", "directly") if behind else -1
    if text.word(place) not in ("before", "after", "preceding", "following"):
        return None
    step = -steps if text.word(place) in ("before", "preceding") else steps
    other = text.after(place + 1, "to")
    if text.word(ours(text, other)) == "last" and step < 0:
        return _before_last(text, ours(text, other) + 1, step)
    found = _ordinal(text, other) or _numbered(text, other) or _bare_ordinal(text, other)
    return _moved(found, step) if found else None


def _before_last(text: Text, at: int, step: int) -> Found | None:
    stop = meeting(text, at) or at + (text.word(at) in ("one", "time"))
    return None if stop == at and text.word(at) in _OTHER_LAST else nth_row(-1 + step, stop)


def _bare_ordinal(text: Text, at: int) -> Found | None:
    # "the session before the fourth" leaves out what is said already.
    nth = ordinal(text, ours(text, at))
    if nth is None:
        return None
    stop = text.after(nth[1], "one")
    return nth_row(nth[0], stop) if stop > nth[1] or text.word(stop) in _ENDS else None


def _moved(found: Found, step: int) -> Found | None:
    part = found.meanings[0]
    # Over an end of the list a place would be counted on from its other end.
    if not isinstance(part, SessionSlice) or part.start is None or (part.start < 0) != (part.start + step < 0):
        return None
    place = part.start + step
    return _row(place, place + 1 or None, found.stop)


def _counted_back(text: Text, at: int) -> Found | None:
    counted = count(text, at)
    if counted is None or not 1 <= counted[0] < _NUMBERS_MAX:
        return None
    # "one session ago" is the last session, so "n sessions ago" is the n-th from the end.
    told = text.word(counted[1]) in ("session", "times") and text.word(counted[1] + 1) in ("ago", "back")
    return nth_row(-counted[0], counted[1] + 2) if told else None


def _some(text: Text, at: int) -> Found | None:
    """Read "the last two sessions", "the three most recent sessions", "the first few sessions"."""
    start = ours(text, at)
    before = count(text, start)
    if before and text.word(before[1]) in ("most", *_LATEST) and 1 < before[0] < _NUMBERS_MAX:
        stop = meeting(text, text.after(before[1], "most", *_LATEST))
        return _row(-before[0], None, stop) if stop else None
    first = text.word(start) in ("first", "initial", "opening")
    counted = count(text, start + 1) if first or text.word(start) in _LATEST else None
    if counted is None or text.word(start + 1) in ("a", "an", "one") or not 1 <= counted[0] < _NUMBERS_MAX:
        return None
    stop = meeting(text, counted[1])
    if stop is None:
        return None
    return _row(0, counted[0], stop) if first else _row(-counted[0], None, stop)


def _number(text: Text, at: int) -> tuple[int, int] | None:
    start = text.after(at, "number", "no", "nr", "num", ".", "#")
    token = text.token(start)
    if token is None or token.number is None or token.word == "<year>" or not 1 <= token.number < _NUMBERS_MAX:
        return None
    # "in the session three weeks ago" has no number.
    told = text.word(start + 1) in ("day", "week", "month", "year", "fortnight", "session", "%", "time", "weekend")
    return None if token.ordinal or told else (token.number, start + 1)


def _numbered(text: Text, at: int) -> Found | None:
    """Read "session 3", "session number three"."""
    start = ours(text, at)
    if text.word(start) != "session" or text.tokens[start].written.endswith("s"):
        return None
    number = _number(text, start + 1)
    return nth_row(*number) if number else None


def _from_to(text: Text, at: int) -> Found | None:
    """Read "sessions 3 to 5", "between session 3 and session 5", "sessions two and three"."""
    between = text.word(at) in ("between", "from")
    start = text.after(at, "between", "from", *OURS)
    first = _place(text, start)
    if first is None or text.word(first[1]) not in ("to", "and", "-", "until", "through"):
        return None
    if text.word(first[1]) == "and" and not between and text.word(start) != "session":
        return None
    last = _place(text, first[1] + 1, plain=True)
    said = any(text.word(place) in ("session", "time") for place in range(start, last[1])) if last else False
    if last is None or not said or not (between or text.word(start) == "session"):
        return None
    low, high = first[0], last[0]
    # "Sessions two and three" are neighbours and so a stretch; "two and five" leave out what is between.
    if not between and text.word(first[1]) == "and" and high != low + 1:
        return None
    return _row(low - 1 if low > 0 else low, high if high > 0 else high + 1 or None, last[1])


def _place(text: Text, at: int, *, plain: bool = False) -> tuple[int, int] | None:
    """Return the number of a session that is one end of a range; `plain` allows "5" and "fifth" alone."""
    start = ours(text, at)
    if text.word(start) == "session":
        return _number(text, start + 1)
    nth = ordinal(text, start)
    if nth:
        stop = meeting(text, nth[1])
        return (nth[0], stop or nth[1]) if stop or plain or text.word(nth[1]) in ("and", "to") else None
    return _number(text, start) if plain else None


def _ordinal(text: Text, at: int) -> Found | None:
    """Read "the third session", "last session", "the second time we met"."""
    start = ours(text, at)
    # "When did we last talk about it?" has a verb.
    if text.word(at - 1) in ("we", "i", "you", "they", "she", "he"):
        return None
    nth = ordinal(text, start) or ((-1, start + 1) if text.word(start) in _LATEST else None)
    nth = (1, start + 1) if text.word(start) in _FIRST else nth
    if nth is None:
        return None
    number, place = nth[0], text.after(nth[1], "ever")
    stop = meeting(text, place)
    # "The first sessions" is a stretch without a number, and none of one session.
    if stop is None or text.tokens[stop - 1].written.endswith("sessions"):
        return None if text.word(start) in _FIRST else _without_noun(text, start, number, place)
    # "The last session but one" counts back from the last.
    more = text.token(stop + 1) if text.word(stop) == "but" and number == -1 else None
    return nth_row(-1 - more.number, stop + 2) if more and more.number else nth_row(number, stop)


def _without_noun(text: Text, start: int, number: int, place: int) -> Found | None:
    """Read "last time", "the third of our sessions" and "the penultimate one", which name no session."""
    word = text.word(start)
    if text.word(place) == "time" and word == "last":
        # "the last time I swam" is about life; "last time, I ..." and "last time?" about the session.
        life = text.word(text.after(place + 1, "that")) in _PEOPLE or text.word(place + 1) in ("we", "that")
        return None if life else nth_row(-1, place + 1)
    inner = ours(text, place + 1)
    if text.word(place) == "of" and text.word(inner) == "session" and inner > place + 1:
        return nth_row(number, inner + 1)
    if text.word(place) == "one":
        sure = number < -1 or word in ("recent", "latest", "newest") or text.word(start - 2) in _INTO
        return nth_row(number, place + 1) if sure and word != "previous" else None
    return nth_row(-2, place) if word == "penultimate" and text.word(place) in _ENDS else None
