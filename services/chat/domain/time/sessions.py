"""Places in the list of sessions: "last session", "session 3", "the penultimate one", "two sessions ago"."""

from services.chat.domain.time.counts import count, ordinal
from services.chat.domain.time.found import Found
from services.chat.domain.time.shapes import Row
from services.chat.domain.time.tokens import Text

_LATEST = ("last", "latest", "previous", "newest", "past", "recent", "final")
_FIRST = ("initial", "opening", "introductory", "earliest", "intake", "inaugural")
_OURS = ("the", "our", "my", "very", "most", "your", "ever", "that")
_OF_PEOPLE = ("we", "i")
_MET = ("met", "spoke", "talked", "chatted", "spoken", "meet", "speak", "talk", "session", "came", "saw", "visited", "worked", "were")
_STARTED = ("started", "began", "met", "begin", "beginning", "begun", "start")
_NUMBERS_MAX = 2000


def session(text: Text, at: int) -> Found | None:
    """Read a place in the list of sessions."""
    readers = (_before_last, _counted_back, _last_some, _first_some, _numbered, _from_to, _ordinal, _beginning, _everything)
    found = [one for read in readers if (one := read(text, at))]
    return max(found, key=lambda one: one.stop, default=None)


def _row(start: int | None, stop: int | None, end: int) -> Found:
    return Found((Row(start, stop),), end, "session", settled=True)


def nth_row(number: int, end: int) -> Found:
    """Return the session of a number, counted from the first (1) or the last (-1)."""
    return _row(number - 1, number, end) if number > 0 else _row(number, number + 1 or None, end)


def _meeting(text: Text, at: int) -> int | None:
    """Return the place behind "session" or "time we met"; None if neither stands here."""
    if text.word(at) == "times" and text.word(at + 1) == "we" and text.word(at + 2) in _MET:
        return at + 3
    start = text.after(at, "therapy", "counselling", "counseling", "zoom", "video", "online", "full", "actual")
    if text.word(start) == "session":
        following = text.after(start + 1, "together")
        return following + (2 if text.follows(following, "we", "had") or text.follows(following, "i", "had") else 0)
    if text.follows(start, "time", "together"):
        return start + 2
    if text.word(start) == "one" and text.word(text.after(start + 1, "that")) == "we" and text.word(text.after(start + 2, "we")) == "had":
        return text.after(start + 1, "that", "we", "had")
    return _time_met(text, start)


def _time_met(text: Text, at: int) -> int | None:
    if text.word(at) != "time":
        return None
    who = text.after(at + 1, "that")
    if text.word(who) not in _OF_PEOPLE:
        return None
    verb = text.after(who + 1, "both", "actually", "have", "had")
    if text.word(who) == "i" and not (
        (text.word(verb) in ("came", "visited") and text.word(verb + 1) in ("", "here", "in", "?", ".", ",", "to"))
        or (text.follows(verb, "was", "here"))
        or (text.word(verb) in ("saw", "met", "seen") and text.word(verb + 1) in ("you", "my", "the", "her", "him", "them"))
        or (text.word(verb) in ("spoke", "talked") and text.word(verb + 1) in ("to", "with"))
    ):
        return None
    if text.word(who) == "we" and text.word(verb) not in _MET:
        return None
    stop = text.after(verb + 1, "here", "you", "in", "together", "to", "with")
    # "the last time we talked about sleep" asks for a topic.
    return None if text.word(stop) in ("about", "of") else stop


def _ours(text: Text, at: int) -> int:
    return text.after(at, *_OURS)


def _before_last(text: Text, at: int) -> Found | None:
    """Read "the session before last", "the one before the penultimate", "the session after the first"."""
    start = _ours(text, at)
    counted = count(text, start)
    steps = counted[0] if counted and text.word(counted[1]) == "session" else 1
    start = counted[1] if counted and steps > 1 else start
    behind = _meeting(text, start) or (start + 1 if text.word(start) in ("one", "time") else None)
    behind = text.after(behind, "just", "right", "directly") if behind else None
    if behind is None or text.word(behind) not in ("before", "after", "preceding", "following"):
        return None
    step = -steps if text.word(behind) in ("before", "preceding") else steps
    behind = text.after(behind + 1, "to") - 1
    inner = _ours(text, behind + 1)
    if text.word(inner) == "last" and step < 0:
        tail = inner + 1
        stop = _meeting(text, tail) or tail + (text.word(tail) in ("one", "time"))
        if text.word(tail) in ("week", "month", "year", "weekend", "night", "christmas", "easter", "summer", "winter", "spring", "autumn"):
            return None
        return nth_row(-1 + step, stop)
    found = _ordinal(text, behind + 1) or _numbered(text, behind + 1)
    if found is None and (nth := ordinal(text, inner)):
        # "the session before the fourth" leaves out what is said already.
        stop = text.after(nth[1], "one")
        found = nth_row(nth[0], stop) if stop > nth[1] or text.word(stop) in ("", "?", ".", ",") else None
    if found is None:
        return None
    row = found.meanings[0]
    if not isinstance(row, Row) or row.start is None:
        return None
    place = row.start + step
    if (row.start < 0) != (place < 0):
        return None
    return _row(place, place + 1 or None, found.stop)


def _counted_back(text: Text, at: int) -> Found | None:
    counted = count(text, at)
    # "one session ago" is the last session, so "n sessions ago" is the n-th from the end.
    if counted and 1 <= counted[0] < _NUMBERS_MAX and text.word(counted[1]) in ("session", "times") and text.word(counted[1] + 1) in ("ago", "back"):
        return nth_row(-counted[0], counted[1] + 2)
    return None


def _last_some(text: Text, at: int) -> Found | None:
    start = _ours(text, at)
    before = count(text, start)
    if before and text.word(before[1]) in ("most", *_LATEST) and 1 < before[0] < _NUMBERS_MAX:
        stop = _meeting(text, text.after(before[1], "most", *_LATEST))
        return _row(-before[0], None, stop) if stop else None
    if text.word(start) not in _LATEST:
        return None
    counted = count(text, start + 1)
    if counted and text.word(start + 1) not in ("a", "an", "one") and 1 <= counted[0] < _NUMBERS_MAX:
        stop = _meeting(text, counted[1])
        return _row(-counted[0], None, stop) if stop else None
    return None


def _first_some(text: Text, at: int) -> Found | None:
    start = _ours(text, at)
    if text.word(start) not in ("first", "initial", "opening"):
        return None
    counted = count(text, start + 1)
    if counted and text.word(start + 1) not in ("a", "an", "one") and 1 <= counted[0] < _NUMBERS_MAX:
        stop = _meeting(text, counted[1])
        return _row(0, counted[0], stop) if stop else None
    return None


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
    start = _ours(text, at)
    if text.word(start) != "session" or text.tokens[start].written.endswith("s"):
        return None
    number = _number(text, start + 1)
    return nth_row(*number) if number else None


def _from_to(text: Text, at: int) -> Found | None:
    """Read "sessions 3 to 5", "between session 3 and session 5", "sessions two and three"."""
    between = text.word(at) in ("between", "from")
    start = text.after(at, "between", "from", *_OURS)
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
    if not between and text.word(first[1]) == "and" and high != low + 1:
        return None
    return _row(low - 1 if low > 0 else low, high if high > 0 else high + 1 or None, last[1])


def _place(text: Text, at: int, *, plain: bool = False) -> tuple[int, int] | None:
    """Return the number of a session that is one end of a range; `plain` allows "5" and "fifth" alone."""
    start = _ours(text, at)
    if text.word(start) == "session":
        return _number(text, start + 1)
    nth = ordinal(text, start)
    if nth:
        stop = _meeting(text, nth[1])
        return (nth[0], stop or nth[1]) if stop or plain or text.word(nth[1]) in ("and", "to") else None
    return _number(text, start) if plain else None


def _ordinal(text: Text, at: int) -> Found | None:
    """Read "the third session", "last session", "the second time we met"."""
    start = _ours(text, at)
    if text.word(at - 1) in ("we", "i", "you", "they", "she", "he"):
        # "When did we last talk about it?" has a verb.
        return None
    if text.word(start) in _FIRST:
        stop = _meeting(text, start + 1)
        return nth_row(1, stop) if stop else None
    nth = (-1, start + 1) if text.word(start) in _LATEST else None
    told = ordinal(text, start)
    nth = told or nth
    if nth is None:
        return None
    number, place = nth
    if number > 0 and text.word(place) == "ever":
        place += 1
    stop = _meeting(text, place)
    if stop and not text.tokens[stop - 1].written.endswith("sessions"):
        if text.follows(stop, "but") and text.token(stop + 1) and (more := text.tokens[stop + 1].number) and number == -1:
            return nth_row(-1 - more, stop + 2)
        return nth_row(number, stop)
    return _without_noun(text, start, number, place)


def _without_noun(text: Text, start: int, number: int, place: int) -> Found | None:
    """Read "last time" and "the penultimate one", which name no session."""
    if text.word(place) == "time" and number == -1 and text.word(start) == "last":
        who = text.word(text.after(place + 1, "that"))
        # "the last time I swam" is about life; "last time, I ..." and "last time?" about the session.
        if who in ("i", "he", "she", "they", "it", "my", "someone", "anyone", "you") or text.word(place + 1) in ("we", "that"):
            return None
        return nth_row(-1, place + 1)
    if text.word(place) == "of" and text.word(inner := _ours(text, place + 1)) == "session" and inner > place + 1:
        return nth_row(number, inner + 1)
    if text.word(place) == "one" and number == -1 and text.word(start) in ("recent", "latest", "newest"):
        return nth_row(-1, place + 1)
    if text.word(place) == "one" and number == -1 and text.word(start) == "last" and text.word(start - 2) in ("in", "at", "from"):
        return nth_row(-1, place + 1)
    if text.word(place) == "one" and (number < -1 or (number > 0 and text.word(at_lead := start - 2) in ("in", "at", "from") and at_lead >= 0)):
        return nth_row(number, place + 1)
    return nth_row(-2, place) if text.word(start) == "penultimate" and text.word(place) in ("", "?", ".") else None


def _beginning(text: Text, at: int) -> Found | None:
    """Read "when we started", "at the very beginning", "in the beginning"."""
    if text.follows(at, "when", "we", "last") and text.word(at + 3) in _MET:
        return nth_row(-1, at + 4)
    if text.follows(at, "when", "i", "was", "here", "last") or text.follows(at, "when", "i", "was", "last", "here"):
        return nth_row(-1, at + 5)
    if text.follows(at, "when", "we", "first") and text.word(at + 3) in _MET and text.word(at + 4) not in ("about", "of"):
        return nth_row(1, at + 4)
    if text.word(at) == "when" and text.word(at + 1) in _OF_PEOPLE:
        verb = text.after(at + 2, "first", "just", "had")
        here = text.word(verb + 1) in ("here", "therapy", "with", "seeing", "coming", "working", "these", "our")
        if text.word(verb) == "came" and text.word(verb - 1) == "first":
            return _row(0, 1, text.after(verb + 1, "here", "to", "therapy", "in", "you", "see"))
        if text.word(verb) in _STARTED and (text.word(at + 1) == "we" or here):
            stop = text.after(verb + 1, "therapy", "our", "these", "session", "here", "coming", "seeing", "you", "working", "with", "together")
            return _row(0, 1, stop)
    start = text.after(at, "right", "back")
    if text.word(start) in ("at", "in", "from") and text.word(text.after(start + 1, "the", "very")) == "beginning":
        stop = text.after(start + 1, "the", "very") + 1
        if text.word(start) == "from":
            return None
        rest = text.after(stop, "of", "our", "my", "the", "with", "therapy", "treatment", "session", "work", "sessions", "counselling", "counseling", "together")
        if rest > stop + 1 or text.word(stop) in ("", "?", ".", ",", "!", "i", "we", "you", "she", "he", "did", "what", "when", "how", "that"):
            return _row(0, 1, rest if rest > stop + 1 else stop)
    if text.follows(at, "early", "on") or text.follows(at, "in", "the", "early", "day"):
        return _row(0, 3, text.after(at + (2 if text.word(at) == "early" else 4), "in", "of", "our", "my", "therapy", "session"))
    if text.follows(at, "to", "begin", "with") and text.word(at + 3) in ("", "?", "."):
        return _row(0, 1, at + 3)
    return _row(0, 1, at + 2) if text.follows(at, "at", "first") and text.word(at + 2) in ("", "?", ".") else None


def _everything(text: Text, at: int) -> Found | None:
    """Read "since we started", "in all our sessions", "so far": every session."""
    if text.word(at) in ("since", "from"):
        start = text.after(at + 1, "the", "very", "day")
        if text.word(start) == "one" and text.word(start - 1) == "day":
            return _row(None, None, start + 1)
        if text.word(start) == "beginning":
            return _row(None, None, text.after(start + 1, "of", "our", "my", "the", "therapy", "treatment", "session", "counselling"))
        who = text.after(at + 1, "when")
        if text.word(who) in _OF_PEOPLE and text.word(verb := text.after(who + 1, "first")) in _STARTED:
            behind = text.word(verb + 1)
            therapy = text.after(verb + 1, "with", "therapy", "seeing", "you", "coming", "here", "our", "session", "working", "together", "to")
            if text.word(who) == "we" or therapy > verb + 1 or behind in ("", "?", "."):
                return _row(None, None, therapy)
    start = text.after(at, "in", "over", "across", "from", "through", "of")
    if text.word(start) in ("all", "every", "each"):
        stop = text.after(start + 1, "of", "our", "my", "the", "single", "one", "these")
        return _row(None, None, stop + 1) if text.word(stop) == "session" else None
    if text.word(at) in ("until", "till") or text.follows(at, "up", "to") or text.follows(at, "up", "until"):
        stop = text.after(at, "up", "until", "to")
        return _row(None, None, stop + 1) if text.word(stop) == "now" else None
    return _row(None, None, at + 2) if text.follows(at, "so", "far") or text.follows(at, "to", "date") else None
