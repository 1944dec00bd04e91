# ruff: noqa: E501 - what is said is read on one line
"""Relations to a stretch of days or a session: since, before, after, until, around."""

from dataclasses import replace
from datetime import timedelta

from services.chat.domain.time.anchors import anchor
from services.chat.domain.time.calendar.spans import WEEK_DAYS
from services.chat.domain.time.found import Found, Meaning, firm
from services.chat.domain.time.sessions import session
from services.chat.domain.time.shapes import Days, SessionSlice
from services.chat.domain.time.words.tokens import Text
from services.chat.domain.time.words.vocabulary import NAME_LIKE

# How each relation is said, in the spelling of the tokens; the longest comes first.
_SAID: tuple[tuple[tuple[str, ...], str], ...] = (
    (("all", "the", "way", "through", "to"), "until"), (("all", "the", "way", "up", "to"), "until"),
    (("up", "to", "and", "including"), "until"), (("all", "the", "way", "to"), "until"), (("leading", "up", "to"), "before"),
    (("running", "up", "to"), "before"), (("lead", "up", "to"), "before"), (("run", "up", "to"), "before"),
    (("until", "and", "including"), "until"), (("as", "far", "as"), "until"), (("no", "later", "than"), "until"),
    (("not", "later", "than"), "until"), (("earlier", "than"), "before"), (("later", "than"), "after"),
    (("through", "to"), "until"), (("up", "until"), "until"), (("up", "to"), "until"), (("way", "to"), "until"),
    (("before", "to"), "before"), (("as", "of"), "since"), (("starting",), "since"), (("since",), "since"),
    (("before",), "before"), (("after",), "after"), (("following",), "following"), (("until",), "until"), (("by",), "by"),
    (("through",), "through"), (("around",), "around"),
)  # fmt: skip
_BEFORE_RELATION = (
    "ever", "at", "any", "time", "sometime", "anytime", "just", "right", "shortly", "soon", "not", "even", "back",
    "immediately", "well", "straight", "long",
)  # fmt: skip
_BEHIND_RELATION = ("about", "around", "in", "on", "at", "of", "during", "back", "from")
_FILLED = ("talked", "spoke", "met", "session", "saw", "chatted", "talk", "started", "discussed")
_QUESTION_WORDS = ("what", "did", "how", "and", "but")
_GAP_MAX = 5


def target(text: Text, at: int) -> Found | None:
    """Read what a relation may relate to: a session, or a stretch of days."""
    place, days = session(text, at), anchor(text, at)
    # The session on a tie: "the third" may be a day of the month as well.
    if place and (days is None or place.stop >= days.stop):
        return place
    return days


def bound(text: Text, at: int) -> Found | None:
    """Read "since March", "up until the third session", "from May onwards"."""
    said = _relation(text, at)
    if said is None:
        return _onwards(text, at)
    word, reach = said
    if word == "around":
        return _around(text, text.after(reach, "about"))
    return _applied(text, word, text.after(reach, *_BEHIND_RELATION))


def _relation(text: Text, at: int) -> tuple[str, int] | None:
    start = text.after(at, *_BEFORE_RELATION)
    # "To" alone leads to a place or a person; "to the end of" can only be followed by a time.
    if text.word(start) == "to" and text.word(text.after(start + 1, "the", "very")) == "end":
        return "until", start + 1
    # Also without skipping: a word that may be skipped can begin a relation itself ("not later than").
    for place in (at, start):
        for words, relation in _SAID:
            if text.follows(place, *words):
                return relation, place + len(words)
    return None


def _applied(text: Text, word: str, at: int) -> Found | None:
    found = target(text, at) or _behind_filler(text, at, word)
    if found is None:
        return None
    found = firm(found, text.today)
    # Behind a passive verb "by" tells who did it: "I was hurt by April" names a person.
    if word == "by" and text.word(at) in NAME_LIKE and _is_passive(text, at - 2):
        return None
    if found.guessed:
        # "before my exam in June" may be any day of it: the wider reading is taken.
        word = {"after": "since", "before": "until"}.get(word, word)
    if word == "through":
        # "all through March" lasts as long as it, "through the end of March" ends with it.
        return every(found, "until") if found.unit == "part" else None
    return every(found, word)


def _is_passive(text: Text, at: int) -> bool:
    verb = text.word(at)
    return verb.endswith("ed") or verb in ("hurt", "told", "said", "written", "done", "taken", "given", "seen", "left")


def _behind_filler(text: Text, at: int, relation: str) -> Found | None:
    """Read "since we talked in March", and as a guess "since the accident in March"."""
    if relation in ("by", "through"):
        return None
    for place in range(at + 1, at + _GAP_MAX + 1):
        # No relation reaches over the end of its clause.
        if text.word(place) in ("", "?", ".", ",", ";", "!"):
            return None
        if text.word(place - 1) in ("in", "on", "at", "from", "of", "during", "over", "last", *_FILLED):
            said = [text.word(number) for number in range(at, place)]
            found = target(text, place - 1 if text.word(place - 1) == "last" else place)
            if found and found.ranges() and not any(word in _QUESTION_WORDS for word in said):
                return replace(found, guessed=not any(word in _FILLED for word in said))
    return None


def every(found: Found, word: str) -> Found | None:
    """Return what stands in a relation to each meaning."""
    meanings = tuple(bounded for meaning in found.meanings if (bounded := _apply(meaning, word)))
    return replace(found, meanings=meanings, bare=False) if meanings else None


def _apply(meaning: Meaning, word: str) -> Meaning | None:
    if isinstance(meaning, SessionSlice):
        return _apply_slice(meaning, word)
    match word:
        case "since" | "from":
            return Days(meaning.start, None)
        case "after" | "following":
            return Days(meaning.end, None) if meaning.end else None
        case "before":
            return Days(None, meaning.start) if meaning.start else None
        case _:
            return Days(None, meaning.end) if meaning.end else None


def _apply_slice(part: SessionSlice, word: str) -> SessionSlice | None:
    match word:
        case "since" | "from":
            return SessionSlice(part.start, None)
        case "after" | "following":
            return SessionSlice(part.stop, None) if part.stop is not None else None
        case "before":
            return SessionSlice(None, part.start) if part.start else None
        case _:
            return SessionSlice(None, part.stop)


def _onwards(text: Text, at: int) -> Found | None:
    """Read "from March on", "March onwards", "from March until now"."""
    start = text.after(at, "from")
    found = target(text, start)
    if found is None:
        return None
    stop = text.after(found.stop, "'s")
    # Without "from" such a word is rather a person than a month.
    if start == at and found.bare and text.word(at) in NAME_LIKE:
        return None
    if text.word(stop) in ("onwards", "onward", "forward", "forwards") or (text.word(stop) == "on" and start > at):
        return every(replace(found, stop=stop + 1), "since")
    if text.word(stop) == "and" and text.word(stop + 1) in ("after", "later", "onwards", "since"):
        return every(replace(found, stop=stop + 2), "since")
    return None


def _around(text: Text, at: int) -> Found | None:
    found = anchor(text, at)
    # A month or a season is wide enough by itself.
    if found is None or found.unit not in ("feast", "day"):
        return replace(found, bare=False) if found else None

    def change(days: Days) -> Days | None:
        return (
            Days(days.start - timedelta(WEEK_DAYS), days.end + timedelta(WEEK_DAYS))
            if days.start and days.end
            else None
        )

    # The exact days stay as further meanings, for window.py to choose by the sessions.
    wide = found.mapped(change, found.stop)
    return replace(wide, meanings=(*wide.meanings[:1], *found.meanings)) if wide else None
