"""What stands around a time phrase decides whether it is one of sessions, of the patient's life, or no time at all."""

from dataclasses import replace

from services.chat.domain.time.found import Found
from services.chat.domain.time.shapes import Days, SessionSlice
from services.chat.domain.time.words.around import (
    ASKS,
    FUTURE,
    GENERAL,
    OF_SESSIONS,
    PART_LIKE,
    PAST,
    TALK,
    TELLS_OF_LIFE,
    THINGS,
    VERBS_OF_PEOPLE,
    VETO,
)
from services.chat.domain.time.words.tokens import Text
from services.chat.domain.time.words.vocabulary import LEADS, MEETINGS, MONTHS, NAME_LIKE, UNITS, WEEKDAYS

_ARTICLES = ("the", "my", "our", "that", "a", "his", "her", "their", "your")
_ANY = ("a", "an", "any", "some")
_BEFORE_DATE = ("about", "of", "session", "say", "said", "discuss", "the", "")
_SAYINGS = ("24/7", "9/11", "7/11", "1/2", "1/3", "2/3", "1/4", "3/4", "10/10", "12/12")
# No recording is as old as this, so an earlier year is one of the patient's life.
_YEARS_OF_SESSIONS = 20


def skipped(text: Text, at: int) -> int:
    """Return the next place to read at: behind "next week", "every Tuesday" whole, so that no part of it is read."""
    if text.word(at) in ("next", "every", "each", "coming", "upcoming", "per"):
        return text.after(at + 1, "single", "other", "last") + 1
    return at + 1


def vetoed(text: Text, at: int, found: Found) -> bool:
    """Tell whether a word that was not understood stands beside the phrase and would change it."""
    # An article belongs to the phrase: what could change it stands before that.
    before = text.word(at - 2) if text.word(at - 1) in (*_ARTICLES, "last", "this") else text.word(at - 1)
    if before in VETO or text.word(at - 1) in ("$", "£", "€", "aged", "age"):
        return True
    # A part that was not understood must not be read as the whole that it is a part of.
    if text.word(at) == "of" and text.word(at - 1) in PART_LIKE and text.word(at - 2) != "all":
        return True
    if _is_last_of_something(text, at, found) or (text.word(at) == "from" and text.word(at - 1) in UNITS):
        return True
    # "Tuesday week" is British English for a Tuesday that lies ahead.
    if text.word(found.stop) == "week" and text.word(found.stop - 1) in WEEKDAYS:
        return True
    # The phrase goes on ("a week from now"): what was read is only its beginning.
    later = text.word(found.stop) in ("before", "after", "from") and text.word(found.stop + 1) in (
        "next",
        "tomorrow",
        "now",
    )
    return later and not isinstance(found.meanings[0], SessionSlice)


def _is_last_of_something(text: Text, at: int, found: Found) -> bool:
    """Tell whether it is the last week, month or year of something unknown ("my last year at school")."""
    owned = any(text.word(place) in (*_ARTICLES, "its") for place in (at - 1, at, at + 1))
    unit = text.word(found.stop - 1) in UNITS and text.word(found.stop - 2) in ("last", "first", "final")
    return owned and unit and text.word(found.stop) in ("of", "at", "as", "with")


def is_topic(text: Text, at: int, found: Found, *, led: bool) -> bool:
    """Tell whether the phrase names a thing or a person, or lies ahead or long before any session."""
    bare = found.bare and (_is_person(text, at, found) or not (led or _by_itself(text, at, found)))
    return bare or _is_thing(text, found) or _is_long_ago(text, found) or _is_not_asked(text)


def _is_thing(text: Text, found: Found) -> bool:
    behind = text.word(found.stop)
    if behind in THINGS and found.unit in ("feast", "season", "month", "day", "weekend"):
        return True
    # "A weekend trip": with a noun behind it the weekend only describes that.
    weekend = text.word(found.stop - 1) == "weekend"
    return weekend and behind.isalpha() and behind not in TALK and behind not in LEADS


def _is_person(text: Text, at: int, found: Found) -> bool:
    acts = text.word(found.stop) in VERBS_OF_PEOPLE and text.word(at) not in ("in", "during")
    return acts and text.word(found.stop - 1) in NAME_LIKE


def _is_long_ago(text: Text, found: Found) -> bool:
    # Only if all meanings have ended so long ago: one that is open may still hold sessions.
    ends = [one.end.year for one in found.ranges() if one.end]
    return len(ends) == len(found.meanings) and max(ends) < text.today.year - _YEARS_OF_SESSIONS


def _is_not_asked(text: Text) -> bool:
    """Tell whether the message asks of what is always so or lies ahead, or tells of the patient's life."""
    said = text.plain
    past = PAST.search(said)
    general = GENERAL.search(said) and not past
    told = TELLS_OF_LIFE.search(said) and not ASKS.search(said)
    if (general or told) and not OF_SESSIONS.search(said):
        return True
    return past is None and FUTURE.search(said) is not None


def _by_itself(text: Text, at: int, found: Found) -> bool:
    """Tell whether a name without a word of time in front is a time: "the July session", "what about May?"."""
    behind, before, end = text.word(found.stop), text.word(at - 1), _is_end(text, found.stop)
    name = text.tokens[found.stop - (2 if text.word(found.stop - 1) == "'s" else 1)]
    if behind == "session" or (at == 0 and end):
        return True
    if name.word == "<slashed>":
        return name.written not in _SAYINGS and end and before in _BEFORE_DATE
    if end and _is_asked_for(text, at, found):
        return True
    if name.short or found.unit in ("feast", "season", "year") or name.word in NAME_LIKE or before in _ANY:
        return False
    if found.unit == "day":
        adjective = behind.isalpha() and behind not in TALK and behind not in LEADS
        return not (adjective and before in ("about", "for", "like", *_ARTICLES))
    return before not in ("about", "for", "like", *_ARTICLES)


def _is_asked_for(text: Text, at: int, found: Found) -> bool:
    """Tell whether it is all that is asked for: "what about May?", "summarize March"."""
    about = text.word(at - 1) == "about" and text.word(at - 2) in ("what", "how")
    told = text.word(at - 1) in ("summarize", "summarise", "recap", "review", "me")
    return (found.unit in ("month", "year") and about) or (found.unit == "month" and told)


def _is_end(text: Text, at: int) -> bool:
    return all(text.word(place) in ("?", ".", "!") for place in range(at, len(text.tokens)))


def is_life(text: Text, at: int, found: Found) -> bool:
    """Tell whether the phrase may be about the patient's life: behind a thing ("the car in July"), or today."""
    if found.guessed or text.word(at) == "for" or text.word(at - 1) == "for":
        return True
    whole = text.after(0, "and", "what", "about") >= at and _is_end(text, found.stop)
    if not whole and not OF_SESSIONS.search(text.plain):
        now = text.word(at) in ("today", "tonight", "this") or text.word(text.after(at, *LEADS, "the")) == "weekend"
        if now or text.word(len(text.tokens) - 1) != "?":
            return True
    before = text.word(at - 1)
    thing = at > 0 and before.isalpha() and before not in (*TALK, *MONTHS, *WEEKDAYS, *MEETINGS.values())
    # "What did I say about sleep in March?" is about sessions, "about my exam in March" rather about life.
    told = bool(OF_SESSIONS.search(text.plain)) and found.unit not in ("day", "weekend")
    return thing and not (told and text.word(at - 2) not in _ARTICLES)


def picked(found: Found, part: SessionSlice) -> Found:
    """Return the time of a phrase, with the place of the session in it."""
    meanings = tuple(Days(one.start, one.end, pick=part) for one in found.ranges())
    return replace(found, meanings=meanings, bare=False)
