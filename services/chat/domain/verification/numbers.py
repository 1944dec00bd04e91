"""Reads the numbers of a text and checks that each belongs to the same thing in the quote."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.chat.domain.verification.lexicon import means
from services.chat.domain.verification.tokens import Token

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth"
).split()
_VALUES = (
    {word: value for value, word in enumerate(_UNITS)}
    | {word: 10 * value for value, word in enumerate(_TENS, start=2)}
    | {word: value for value, word in enumerate(_ORDINALS, start=1)}
    | {"twentieth": 20, "thirtieth": 30, "sixtieth": 60, "twice": 2, "once": 1, "dozen": 12, "fortnight": 14}
)
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_DIGITS = re.compile(r"(\d+)(?:st|nd|rd|th)?")
# So many words of content may stand between a number and what it counts.
REACH = 3


@dataclass(frozen=True)
class Number:
    """A number as digits, with the words of content that follow and precede it, nearest first."""

    value: str
    place: int
    after: tuple[Token, ...]
    before: tuple[Token, ...]


def numbers(tokens: Sequence[Token]) -> list[Number]:
    """Return the numbers of a text in order; `twenty-four` is one number."""
    found: list[Number] = []
    place = 0
    while place < len(tokens):
        value, used = _value(tokens, place)
        if value is not None:
            found.append(_number(value, tokens, place, place + used))
        place += max(used, 1)
    return found


def is_number(token: Token) -> bool:
    """Return True for digits and words for numbers."""
    return token.word in _VALUES or token.word in _SCALES or token.word[0].isdigit()


def belongs(number: Number, quoted: Sequence[Number]) -> bool:
    """Return True if the quote gives the number to the same thing as the sentence does."""
    same = [one for one in quoted if one.value == number.value]
    if not same:
        return False
    if not number.after and not number.before:
        return True
    owners = [*number.after[:2], *number.before[:1]]
    return any(_owns(one, owner, quoted) for owner in owners for one in same)


def in_order(said: Sequence[Number], quoted: Sequence[Number]) -> bool:
    """Return True if no two numbers have changed places."""
    once = [one.value for one in quoted]
    places = [once.index(one.value) for one in said if once.count(one.value) == 1]
    return places == sorted(places)


def _owns(quoted: Number, owner: Token, others: Sequence[Number]) -> bool:
    near = [(distance, one) for distance, one in enumerate(quoted.after) if means(owner.lemma, one.lemma)]
    near += [(distance, one) for distance, one in enumerate(quoted.before) if means(owner.lemma, one.lemma)]
    for _, word in near:
        closer = [one for one in others if one.value != quoted.value and _apart(one, word) < _apart(quoted, word)]
        if not closer:
            return True
    return False


def _apart(number: Number, word: Token) -> float:
    # What is counted follows its number: at the same distance the number before the word owns it.
    distance = word.place - number.place
    return distance if distance > 0 else 0.5 - distance


def _value(tokens: Sequence[Token], place: int) -> tuple[str | None, int]:
    word = tokens[place].word
    if word[0].isdigit():
        plain = _DIGITS.fullmatch(word)
        return (str(int(plain[1])), 1) if plain else (word.replace(",", ""), 1)
    if word not in _VALUES:
        return ("100", 1) if word == "hundred" else (str(_SCALES[word]), 1) if word in _SCALES else (None, 1)
    if word == "one" and _is_pronoun(tokens, place):
        return None, 1
    value, used = _VALUES[word], 1
    following = tokens[place + 1].word if place + 1 < len(tokens) else ""
    if 20 <= value <= 90 and value % 10 == 0 and 0 < _VALUES.get(following, 0) < 10:
        value, used = value + _VALUES[following], 2
    elif following in _SCALES:
        value, used = value * _SCALES[following], 2
    return str(value), used


def _is_pronoun(tokens: Sequence[Token], place: int) -> bool:
    before = tokens[place - 1].word if place else ""
    after = tokens[place + 1] if place + 1 < len(tokens) else None
    pointed = before in ("the", "this", "that", "a", "each", "no", "every", "which", "good", "bad", "another", "any")
    return pointed or after is None or after.sentence != tokens[place].sentence or not after.is_content


def _number(value: str, tokens: Sequence[Token], start: int, stop: int) -> Number:
    sentence = tokens[start].sentence
    after = [one for one in tokens[stop:] if one.sentence == sentence and one.is_content][:REACH]
    before = [one for one in reversed(tokens[:start]) if one.sentence == sentence and one.is_content][:REACH]
    return Number(value, start, tuple(after), tuple(before))
