"""What stands around a time phrase decides whether it is one of sessions, of the patient's life, or no time at all."""

import re
from dataclasses import replace

from services.chat.domain.time.found import Found
from services.chat.domain.time.shapes import Days, Row
from services.chat.domain.time.tokens import Text
from services.chat.domain.time.vocabulary import MEETINGS, MONTHS, NAME_LIKE, PLURAL_WEEKDAYS, SEASONS, WEEKDAYS

# Not read by a relation, one of these changes the time beside it into another one.
_VETO = frozenset(
    "next every each per except besides than upcoming coming since before until between without excluding most "
    "not after unlike whole-of always usually".split()
)
_VETO_BEHIND = ("before", "after", "from")
_THINGS = frozenset(
    "tree dinner party parties present presents gift gifts card cards carol carols cookies lights pudding market eggs egg bunny "
    "cleaning roast lunch brunch school blues feeling job house home camp dress clothes turkey decorations shopping "
    "jumper sale sales fair concert costume costumes special service mass film movie song songs baby babies vibes "
    "deadline club class classes league practice night's shift shifts body tan sun solstice bulbs onions chickens "
    "street road avenue lane drive market's spirit miracle stocking stockings pyjamas pajamas bonus wrapping cake".split()
)
_TALK = frozenset(
    "say said talk talked talking tell told discuss discussed mention mentioned speak spoke bring brought cover covered "
    "work worked ask asked suggest suggested recommend recommended agree agreed decide decided set gave give given get got "
    "do did done have had was were be been feel felt feeling am is i we you me us it them her him she he they that this "
    "about up on down out session happened happen go went going know remember learn learned learnt notice noticed what how "
    "anything something everything things much like change changed here there back again now homework notes note told "
    "and or but so then because did to for with in of from at look looked review recap summarize summarise summary".split()
)
_FUTURE = re.compile(
    r"\b(?:will|'ll|shall|gonna|going to|should i|can i|could i|may i|do i have|am i (?:seeing|meeting)|is (?:my|our|the) "
    r"(?:next )?(?:session|appointment)|when(?:'s| is| are)|reschedule|cancel|book|postpone|coming up|tomorrow|"
    r"need to|have to|supposed to|planning|looking forward)\b"
)
_PAST = re.compile(
    r"\b(?:did|said|told|talked|spoke|discussed|was|were|had|mentioned|brought|covered|agreed|worked|felt|went|gave|"
    r"happened|asked|suggested|since|got|came|made|do we know|have i|has|i've|we've|have we)\b"
)
_VERBS_OF_PEOPLE = frozenset("left died came told said was is has had got moved called asked thinks says wants would will and".split())


def skipped(text: Text, at: int) -> int:
    """Return the next place to read at: behind "next week", "every Tuesday" whole, so that no part of it is read."""
    if text.word(at) in ("next", "every", "each", "coming", "upcoming", "per"):
        return text.after(at + 1, "single", "other", "last") + 1
    return at + 1


def vetoed(text: Text, at: int, found: Found) -> bool:
    """Tell whether a word that was not understood stands beside the phrase and would change it."""
    before = text.word(at - 1)
    if before in ("the", "my", "our", "that", "last", "this"):
        before = text.word(at - 2)
    if before in _VETO and not (before == "not" and text.word(at) in ("since", "before")) and not (
        before in ("since", "after", "before") and text.word(at - 1) not in ("the", "my", "our", "that", before)
    ):
        return not (before in ("most",) or (before == "than" and text.word(at - 2) == "other" and False))
    if text.word(at - 1) in ("$", "£", "€", "aged", "age"):
        return True
    return text.word(found.stop) in _VETO_BEHIND and text.word(found.stop + 1) in ("next", "tomorrow", "now") and not isinstance(
        found.meanings[0], Row
    )


def is_topic(text: Text, at: int, found: Found, *, led: bool) -> bool:
    """Tell whether the phrase names a thing or a person, or lies ahead."""
    behind = text.word(found.stop)
    if behind in _THINGS and found.unit in ("feast", "season", "month", "day", "weekend"):
        return True
    if found.unit in ("feast", "season", "month", "year") and found.bare and not led and not _about_sessions(text, at, found):
        return True
    word = text.word(found.stop - 1)
    if found.bare and word in NAME_LIKE and behind in _VERBS_OF_PEOPLE and text.word(at) not in ("in", "during"):
        return True
    if found.bare and not led and (text.tokens[found.stop - 1].short or word == "<slashed>"):
        return True
    return _ahead(text, found)


def _about_sessions(text: Text, at: int, found: Found) -> bool:
    """Tell whether a bare name is an adjective of sessions or all that is asked ("the July session", "July?")."""
    if text.word(found.stop) == "session":
        return True
    name = text.word(at)
    if name in MONTHS and name not in NAME_LIKE and not text.tokens[at].short:
        return text.word(at - 1) not in ("a", "my", "his", "her", "their", "the") and text.word(at - 1) not in ("about", "for", "like")
    return len(text.tokens) - (text.word(len(text.tokens) - 1) in ("?", ".", "!")) == found.stop - at


def _ahead(text: Text, found: Found) -> bool:
    return bool(_FUTURE.search(text.plain)) and not _PAST.search(text.plain)


def is_life(text: Text, at: int, found: Found) -> bool:
    """Tell whether the phrase may be about the patient's life: behind a thing ("the car in July"), or today."""
    if text.follows(at, "today") or text.follows(at, "tonight") or text.word(at) == "this" or text.follows(at, "the", "weekend"):
        return True
    if text.word(at) == "for":
        return True
    before = text.word(at - 1)
    if at == 0 or before in _TALK or not before.isalpha():
        return False
    return before not in (*MONTHS, *WEEKDAYS, *SEASONS, *PLURAL_WEEKDAYS, *MEETINGS.values())


def picked(found: Found, row: Row) -> Found:
    """Return the time of a phrase, with the place of the session in it."""
    meanings = tuple(Days(one.start, one.end, pick=row) for one in found.ranges())
    return replace(found, meanings=meanings, bare=False)
