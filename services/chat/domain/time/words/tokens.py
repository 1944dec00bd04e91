"""Splits a message into words of time and others, spelled one way, with their places in the plain text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date

from services.chat.domain.plain_text import plain
from services.chat.domain.time.words.spelling import corrected, near
from services.chat.domain.time.words.vocabulary import (
    CANONICAL,
    MONTHS,
    NUMBERS,
    ONCE_JOINED,
    ORDINALS,
    SEASONS,
    SHORT,
    TENS,
    UNITS,
    WEEKDAYS,
)

_TOKEN = re.compile(
    r"(?P<iso>\d{4}-\d{1,2}-\d{1,2}(?!\d))|(?P<slashed>\d{1,2}/\d{1,2}(?:/(?:\d{4}|\d{2}))?(?![\d/])"
    r"|\d{1,2}[.-]\d{1,2}[.-](?:\d{4}|\d{2})(?!\d))|(?P<clock>\d{1,2}(?::\d\d|\.\d\d(?= ?[ap]m)))"
    r"|(?P<nth>\d{1,3}(?= ?(?:st|nd|rd|th)\b))(?: ?(?:st|nd|rd|th)\b)|(?P<number>\d+)|(?P<short_year>'\d\d(?!\d))"
    r"|(?P<own>'s?(?!\w))|(?P<word>[a-z]+(?:'(?!s\b)[a-z]+)*)|(?P<dash>[-–—])|(?P<sign>[^\w\s])"
)
_CENTURY = 2000
_ONES_END = 10
_NAME_CHARS_MAX = 10
# How tokens that are no words are called.
_KINDS = {"iso": "<iso>", "slashed": "<slashed>", "clock": "<clock>", "own": "'s", "dash": "-"}
_DIGITS_MAX = 5
# Twice as much as most questions have, so that a message of any length is read in some milliseconds.
END_CHARS = 120
END_TOKENS = 18
_OPTIONAL_MAX = 8
_JOINED = re.compile(rf"^({'|'.join(ONCE_JOINED)})({'|'.join(UNITS)}|weeks|months|years|days|sessions?|time)$")
_AHEAD_OF_UNIT = ("last", "past", "this", "previous", "few", "couple")
_MISSPELT_UNITS = ("week", "month", "year")
_TIME_UNITS = ("week", "month", "year", "weekend", "session", "night", "day")
# Near to a word of time, but words of their own even in front of one.
_OWN_RIGHT = frozenset(
    """
    list lost past cast fast east least blast lasts lash vast lust thus his thin then than that the them they is
    it sine wince alter other list one dad may bay way say pay lay hay weed seek ear hear dear near fear wear
    tear bear right light might fight sight eight wink moth's untie these those jane tune jury judy jane's cost
    most best rest test west post lot let lad lay lab law""".split()  # noqa: SIM905 - a list of words reads as words
)
_UNIT_SLIPS = {"weak": "week", "weaks": "week", "weeek": "week", "moth": "month", "mouth": "month", "mouths": "month"}


@dataclass(frozen=True)
class TimeWord:
    """A word as it is read, its place in the plain text, and its number if it has one.

    `short`: an abbreviation that is a word or name of its own too (sun, mar).
    """

    word: str
    start: int
    end: int
    number: int | None = None
    ordinal: bool = False
    short: bool = False
    written: str = ""


@dataclass(frozen=True)
class Text:
    """The tokens of a message, and what they are read against: the day of asking, hemisphere and country."""

    plain: str
    tokens: tuple[TimeWord, ...]
    today: date
    country: str = ""
    south: bool = False
    # What was read at a place before, by reader and place (`found.remembered`).
    memory: dict[tuple[str, int], object] = field(default_factory=dict, compare=False, repr=False)

    def asked_on(self, day: date) -> "Text":
        """Return the same as if it had been asked on another day."""
        return replace(self, today=day, memory={})

    def word(self, at: int) -> str:
        """Return the word at a place; "" outside the message."""
        return self.tokens[at].word if 0 <= at < len(self.tokens) else ""

    def token(self, at: int) -> TimeWord | None:
        """Return the token at a place."""
        return self.tokens[at] if 0 <= at < len(self.tokens) else None

    def after(self, at: int, *optional: str) -> int:
        """Return the place after any of some words, which may be missing."""
        # Nobody says more of them; a message that repeats one a thousand times must not take seconds.
        last = at + _OPTIONAL_MAX
        while at < last and self.word(at) in optional and self.word(at):
            at += 1
        return at

    def follows(self, at: int, *words: str) -> bool:
        """Tell whether these words stand here in this order."""
        return all(self.word(at + number) == word for number, word in enumerate(words))

    def slice(self, start: int, stop: int) -> str:
        """Return the plain text of some tokens."""
        return self.plain[self.tokens[start].start : self.tokens[stop - 1].end]


def read(message: str, today: date, country: str, *, south: bool) -> Text:
    """Return the tokens of a message; of a long one, of its beginning and its end, where the question stands."""
    text = _ends(plain(message))
    tokens = _corrected_in_place(list(_compounds(_fewer(list(_tokens(text))))))
    return Text(text, tuple(tokens), today, country, south)


def _ends(text: str) -> str:
    """Return a long text without its middle: reading costs the same for every word, and all others wait meanwhile."""
    if len(text) <= 2 * END_CHARS:
        return text
    beginning, end = text[:END_CHARS].rpartition(" ")[0], text[-END_CHARS:].partition(" ")[2]
    return f"{beginning or text[:END_CHARS]} … {end or text[-END_CHARS:]}"


def _fewer(tokens: list[TimeWord]) -> list[TimeWord]:
    """Return many tokens without their middle; what stands in for it belongs to no phrase."""
    if len(tokens) <= 2 * END_TOKENS:
        return tokens
    before, after = tokens[:END_TOKENS], tokens[-END_TOKENS:]
    return [*before, TimeWord("…", before[-1].end, before[-1].end, written="…"), *after]


def _tokens(text: str) -> Iterator[TimeWord]:
    for found in _TOKEN.finditer(text):
        kind, written = found.lastgroup or "", found[0]
        place = TimeWord(written, found.start(), found.end(), written=written)
        if kind == "word":
            yield from _words(place)
        elif kind in ("nth", "number"):
            number = int(found[kind]) if len(found[kind]) <= _DIGITS_MAX else None
            yield replace(place, word="<number>", number=number, ordinal=kind == "nth")
        elif kind == "short_year":
            yield replace(place, word="<year>", number=_CENTURY + int(written[1:]))
        elif kind != "dash" or _means_to(text, found.start()):
            yield replace(place, word=_KINDS.get(kind, written))


def _means_to(text: str, at: int) -> bool:
    """Tell a hyphen inside a word, which parts it ("mid-october"), from one that may mean "to" (3-7, march-may)."""
    inside = text[at - 1 : at].isalpha() and text[at + 1 : at + 2].isalpha()
    return not inside or text[max(0, at - _NAME_CHARS_MAX) : at].endswith((*MONTHS, *WEEKDAYS, *SEASONS, *SHORT))


def _words(token: TimeWord) -> Iterator[TimeWord]:
    joined = _JOINED.match(token.word)
    parts = [(token.word, token.start, token.end)]
    if joined:
        middle = token.start + joined.end(1)
        parts = [(joined[1], token.start, middle), (joined[2], middle, token.end)]
    for word, start, end in parts:
        spelled = corrected(word)
        known = SHORT.get(spelled) or CANONICAL.get(spelled, spelled)
        number = NUMBERS.get(spelled) or ORDINALS.get(spelled)
        yield TimeWord(known, start, end, number, spelled in ORDINALS, spelled in SHORT, written=spelled)


def _compounds(tokens: list[TimeWord]) -> Iterator[TimeWord]:
    """Join what is one number or word: twenty first, week end."""
    at = 0
    while at < len(tokens):
        here = tokens[at]
        there = tokens[at + 1] if at + 1 < len(tokens) else None
        if there and here.written in TENS and there.number and there.number < _ONES_END and there.word != "<number>":
            number = TENS[here.written] + there.number
            yield replace(there, word="<number>", start=here.start, number=number)
            at += 2
        elif there and (joined := f"{here.written}{there.written}") in ("weekend", "yesterday"):
            yield replace(here, word=joined, end=there.end, written=joined)
            at += 2
        else:
            yield here
            at += 1


def _corrected_in_place(tokens: list[TimeWord]) -> list[TimeWord]:
    """Correct short words where the words beside them leave little else."""
    for at, token in enumerate(tokens):
        before = tokens[at - 1] if at else None
        following = tokens[at + 1].word if at + 1 < len(tokens) else ""
        counted = (
            before is not None
            and (before.number or before.word in ("a", "few", "couple"))
            and following in ("ago", "of", "in")
        )
        if (
            near(token.word, ("last",)) == "last"
            and token.word not in _OWN_RIGHT
            and near(following, _MISSPELT_UNITS) in _MISSPELT_UNITS
        ):
            tokens[at] = replace(token, word="last")
        elif before is not None and (before.word in _AHEAD_OF_UNIT or counted):
            tokens[at] = _as_unit(token)
        elif following in (*_TIME_UNITS, *MONTHS, *WEEKDAYS, *SEASONS) and token.word not in _OWN_RIGHT:
            tokens[at] = _as_lead(token, following)
        elif before is not None and before.word in ("in", "since", "before", "after", "until", "early", "late"):
            known = near(token.word, ("june", "july", "march", "april")) if token.word not in _OWN_RIGHT else token.word
            tokens[at] = replace(token, word="may" if token.word == "mai" else known)
    return tokens


def _as_lead(token: TimeWord, following: str) -> TimeWord:
    if following == "session" and token.word == "forth":
        return replace(token, word="<number>", number=4, ordinal=True)
    if (
        token.number is None
        and (counted := near(token.word, tuple(NUMBERS))) in NUMBERS
        and following in ("week", "month", "year", "day")
    ):
        return replace(token, word=counted, number=NUMBERS[counted])
    return replace(token, word=near(token.word, ("last", "this", "since", "after", "until", "early")))


def _as_unit(token: TimeWord) -> TimeWord:
    if token.word in _UNIT_SLIPS:
        return replace(token, word=_UNIT_SLIPS[token.word])
    # A date behind "last" is no misspelt unit: what is written of it must stay.
    if token.word in _KINDS.values():
        return token
    if token.word in _OWN_RIGHT or token.number is not None or token.word in CANONICAL.values():
        return token
    known = near(token.word, ("week", "month", "year", "night", "weeks", "months", "years", "days"))
    return replace(token, word=CANONICAL.get(known, known), written=known)
