"""What stands around a time phrase decides whether it is one of sessions, of the patient's life, or no time at all."""

import re
from dataclasses import replace

from services.chat.domain.time.found import Found
from services.chat.domain.time.shapes import Days, Row
from services.chat.domain.time.tokens import Text
from services.chat.domain.time.vocabulary import LEADS, MEETINGS, MONTHS, NAME_LIKE, UNITS, WEEKDAYS

# Not read by a relation, one of these changes the time beside it into another one.
_VETO = frozenset(
    "next every each per except excluding without besides than upcoming coming since before until between after unlike "
    "not always usually following".split()
)
_PART_LIKE = frozenset("day days week weeks part parts half third quarter ends bit portion chunk stretch rest".split())
_ARTICLES = ("the", "my", "our", "that", "a", "his", "her", "their", "your")
_THINGS = frozenset(
    "tree trees dinner dinners party parties present presents gift gifts card cards carol carols cookies lights pudding "
    "market markets eggs egg bunny cleaning roast roasts lunch lunches brunch school blues feeling job jobs house home camp "
    "dress clothes turkey decorations shopping jumper sale sales fair concert costume costumes special service mass film "
    "movie song songs baby vibes deadline club class classes league practice shift shifts body tan solstice bulbs street "
    "road avenue lane drive spirit miracle stocking stockings pyjamas pajamas bonus wrapping cake madness fever".split()
)
_TALK = frozenset(
    "say said talk talked talking tell told discuss discussed mention mentioned speak spoke bring brought cover covered "
    "work worked ask asked suggest suggested recommend recommended agree agreed decide decided set gave give given get got "
    "do did done have had was were be been feel felt feeling am is i we you me us it them her him she he they that this "
    "about up on down out session happened happen went go going know remember learn learned learnt notice noticed what how "
    "anything something everything things much like change changed here there back again now homework notes note write "
    "and or but so then because to for with in of from at look looked review recap summarize summarise summary since until "
    "sometime anytime time whole all both entire month night exercise task thing advice conversation week weeks days period summarise summarize compare compared  topic topics one the my our".split()
)
_FUTURE = re.compile(
    r"\b(?:will|'ll|shall|gonna|going to|should i|can i|can we|could i|could we|may i|i may|i might|do i have|see you|"
    r"talk to you|have a|am i (?:seeing|meeting)|(?:is|are) (?:my|our|the) (?:next )?(?:sessions?|appointments?)|"
    r"when(?:'s| is| are)|reschedule|cancel|book|postpone|coming up|tomorrow|need to|have to|supposed to|planning|"
    r"looking forward|how many (?:days|weeks|months) (?:until|till|to))\b"
)
_PAST = re.compile(
    r"\b(?:did|said|told|talked|spoke|discussed|was|were|had|mentioned|brought|covered|agreed|worked|felt|went|gave|"
    r"happened|asked|suggested|since|have i|has|i've|we've|have we|got|came|made)\b"
)
# Asked of what is always so, not of a time.
_GENERAL = re.compile(
    r"\b(?:is it|do i|does|do you|am i|how do|what do|what helps|what's the best|always|usually|never|whenever|tend to|normally|"
    r"typically|often)\b"
)
_OF_SESSIONS = re.compile(
    r"\b(?:say|said|saying|tell|told|talk\w*|discuss\w*|mention\w*|speak|spoke|spoken|sessions?|appointments?|meetings?|conversations?|visits?|chat\w*|progress|how (?:was|were|did|have|had|has) (?:i|we|my)|"
    r"cover(?:ed)?|bring up|brought up|c[ao]me up|homework|suggest\w*|recommend\w*|agreed?|advice|advised?|remind|remember|"
    r"notes?|summar\w*|recap|ask(?:ed)?|work(?:ed)? on|topics?|therapist|counsell?or|learn\w*|exercise)\b"
)
_VERBS_OF_PEOPLE = frozenset(
    "left died came told said was is has had got moved called asked thinks says wants would will".split()
)
_TELLS_OF_LIFE = re.compile(
    r"^(?:(?:and|but|so|well|hi|hello),? )*(?:i|i'm|i've|we|he|she|it|they|my \w+ (?:is|are|was|has|had|and i))\b(?!.*\?)"
)
_ASKS = re.compile(r"\b(?:know|see|hear|show|find|look|recall|what|how|which|who|why|when|tell)\b")
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
    before = text.word(at - 2) if text.word(at - 1) in (*_ARTICLES, "last", "this") else text.word(at - 1)
    if before in _VETO or text.word(at - 1) in ("$", "£", "€", "aged", "age"):
        return True
    if text.word(at) == "of" and text.word(at - 1) in _PART_LIKE and text.word(at - 2) not in ("all",):
        return True
    if _is_last_of_something(text, at, found) or (text.word(at) == "from" and text.word(at - 1) in UNITS):
        return True
    if text.word(found.stop) == "week" and text.word(found.stop - 1) in WEEKDAYS:
        return True
    later = text.word(found.stop) in ("before", "after", "from") and text.word(found.stop + 1) in (
        "next",
        "tomorrow",
        "now",
    )
    return later and not isinstance(found.meanings[0], Row)


def _is_last_of_something(text: Text, at: int, found: Found) -> bool:
    """Tell whether it is the last week, month or year of something unknown ("my last year at school")."""
    owned = any(text.word(place) in (*_ARTICLES, "its") for place in (at - 1, at, at + 1))
    unit = text.word(found.stop - 1) in UNITS and text.word(found.stop - 2) in ("last", "first", "final")
    return owned and unit and text.word(found.stop) in ("of", "at", "as", "with")


def is_topic(text: Text, at: int, found: Found, *, led: bool) -> bool:
    """Tell whether the phrase names a thing or a person, or lies ahead or long before any session."""
    behind = text.word(found.stop)
    if behind in _THINGS and found.unit in ("feast", "season", "month", "day", "weekend"):
        return True
    if (
        found.unit == "weekend"
        and behind.isalpha()
        and behind not in (*_TALK, *LEADS)
        and text.word(found.stop - 1) == "weekend"
    ):
        return True
    if found.bare and not led and not _by_itself(text, at, found):
        return True
    if (
        found.bare
        and text.word(found.stop - 1) in NAME_LIKE
        and behind in _VERBS_OF_PEOPLE
        and text.word(at) not in ("in", "during")
    ):
        return True
    ended = [one.end for one in found.ranges() if one.end]
    if ended and len(ended) == len(found.meanings) and max(ended).year < text.today.year - _YEARS_OF_SESSIONS:
        return True
    general = _GENERAL.search(text.plain) and not _PAST.search(text.plain) and not _OF_SESSIONS.search(text.plain)
    told = _TELLS_OF_LIFE.search(text.plain) and not _ASKS.search(text.plain) and not _OF_SESSIONS.search(text.plain)
    return bool(general or told) or (bool(_FUTURE.search(text.plain)) and not _PAST.search(text.plain))


def _by_itself(text: Text, at: int, found: Found) -> bool:
    """Tell whether a name without a word of time in front is a time: "the July session", "what about May?", "Tuesday"."""
    behind, before, end = text.word(found.stop), text.word(at - 1), _is_end(text, found.stop)
    name = text.tokens[found.stop - (2 if text.word(found.stop - 1) == "'s" else 1)]
    if behind == "session" or (at == 0 and end):
        return True
    if name.word == "<slashed>":
        return (
            name.written not in _SAYINGS
            and end
            and before in ("about", "of", "session", "say", "said", "discuss", "the", "")
        )
    if found.unit == "month" and before in ("summarize", "summarise", "recap", "review", "me") and end:
        return True
    if found.unit in ("month", "year") and before == "about" and text.word(at - 2) in ("what", "how") and end:
        return True
    if name.short or found.unit in ("feast", "season", "year") or name.word in NAME_LIKE:
        return False
    if before in ("a", "an", "any", "some"):
        return False
    if found.unit == "day":
        adjective = behind.isalpha() and behind not in _TALK and behind not in LEADS
        return not (adjective and before in ("about", "for", "like", *_ARTICLES))
    return before not in ("about", "for", "like", *_ARTICLES)


def _is_end(text: Text, at: int) -> bool:
    return all(text.word(place) in ("?", ".", "!") for place in range(at, len(text.tokens)))


def is_life(text: Text, at: int, found: Found) -> bool:
    """Tell whether the phrase may be about the patient's life: behind a thing ("the car in July"), or today."""
    if found.guessed or text.word(at) == "for" or text.word(at - 1) == "for":
        return True
    whole = text.after(0, "and", "what", "about") >= at and _is_end(text, found.stop)
    if not whole and not _OF_SESSIONS.search(text.plain):
        now = text.word(at) in ("today", "tonight", "this") or text.word(text.after(at, *LEADS, "the")) == "weekend"
        if now or text.word(len(text.tokens) - 1) != "?":
            return True
    before = text.word(at - 1)
    return at > 0 and before.isalpha() and before not in (*_TALK, *MONTHS, *WEEKDAYS, *MEETINGS.values())


def picked(found: Found, row: Row) -> Found:
    """Return the time of a phrase, with the place of the session in it."""
    meanings = tuple(Days(one.start, one.end, pick=row) for one in found.ranges())
    return replace(found, meanings=meanings, bare=False)
