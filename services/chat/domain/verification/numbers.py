"""Reads the numbers of a text and checks that each belongs to the same thing in the quote."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.chat.domain.verification.lexicon import means
from services.chat.domain.verification.tokens import Token

_UNITS = (  # noqa: SIM905
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
_ORDINALS = (  # noqa: SIM905
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth"
).split()
_VALUES = (
    {word: value for value, word in enumerate(_UNITS)}
    | {word: 10 * value for value, word in enumerate(_TENS, start=2)}
    | {word: value for value, word in enumerate(_ORDINALS, start=1)}
    | {"twentieth": 20, "thirtieth": 30, "sixtieth": 60, "twice": 2, "dozen": 12, "fortnight": 14}
)
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_BEFORE_TIMES = frozenset("at until till by past since".split())  # noqa: SIM905
_DIGITS = re.compile(r"(\d+)(?:st|nd|rd|th)?")
# So many words of content may stand between a number and what it counts.
REACH = 3
_CLAUSE_AWAY = 10
"""A word of another clause is as far away as a word ten places off."""
_TENS_VALUES = range(20, 100, 10)
_ONES_END = 10


@dataclass(frozen=True)
class Number:
    """A number as digits, with the words of content that follow and precede it, nearest first."""

    value: str
    place: int
    clause: int
    after: tuple[Token, ...]
    before: tuple[Token, ...]
    negated: bool = False
    at: str = ""
    around: frozenset[str] = frozenset()
    sentence: int = 0

    @property
    def owners(self) -> tuple[Token, ...]:
        """Return the words that the number may count or measure: the next one of its clause, then the one before."""
        return tuple(one for one in (*self.after[:1], *self.before[:1]) if one.clause == self.clause)

    @property
    def counts(self) -> Token | None:
        """Return the word right after the number in its clause."""
        return next((one for one in self.after[:1] if one.clause == self.clause and one.place <= self.place + 2), None)


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


def belongs(number: Number, quoted: Sequence[Number], said: Sequence[Token]) -> bool:
    """Return True if the quote gives the number to the same thing as the sentence does."""
    same = [one for one in quoted if one.value == number.value and _beside(one, number)]
    if not same:
        return False
    if number.negated or any(number.at and one.at == number.at for one in same):
        # "Not nine", and times of day: there the word before tells what the number is.
        return True
    for owner in number.owners:
        holders = _holders(owner, quoted)
        if holders:
            return number.value in holders
    apart = [*number.after[:1], *number.before[:1]]
    if not number.owners and any(
        holders and number.value not in holders for holders in (_holders(one, quoted) for one in apart)
    ):
        return False
    # The sentence takes what is counted from elsewhere: then the quoted number must not count anything itself.
    return any(not one.counts or any(means(word.lemma, one.counts.lemma) for word in said) for one in same)


def in_order(said: Sequence[Number], quoted: Sequence[Number]) -> bool:
    """Return True if no two numbers have changed places."""
    values = [one.value for one in said]
    whole = [one for one in _by_sentence(quoted) if set(values) <= {number.value for number in one}]
    if whole:
        return any(_follows(values, [number.value for number in one]) for one in whole)
    there = {one.value for one in quoted}
    return _follows([value for value in values if value in there], [one.value for one in quoted])


def _by_sentence(quoted: Sequence[Number]) -> list[list[Number]]:
    sentences: dict[int, list[Number]] = {}
    for one in quoted:
        sentences.setdefault(one.sentence, []).append(one)
    return list(sentences.values())


def _follows(values: Sequence[str], quoted: Sequence[str]) -> bool:
    rest = iter(quoted)
    return all(value in rest for value in values)


def _beside(quoted: Number, said: Number) -> bool:
    """Return True if the sentences of both numbers share a word, or one of them has no other word."""
    return (
        not quoted.around or not said.around or any(means(one, other) for one in said.around for other in quoted.around)
    )


def _holders(owner: Token, quoted: Sequence[Number]) -> set[str]:
    """Return the values of the quoted numbers that stand nearest to a word, one for each place of the word."""
    words = {
        one.place: one for number in quoted for one in (*number.after, *number.before) if means(owner.lemma, one.lemma)
    }
    return {
        min(
            (number for number in quoted if word in (*number.after, *number.before)),
            key=lambda number: _apart(number, word),
        ).value
        for word in words.values()
    }


def _apart(number: Number, word: Token) -> float:
    # What is counted follows its number: at the same distance the number before the word owns it.
    distance = word.place - number.place
    far = _CLAUSE_AWAY * abs(word.clause - number.clause)
    return far + (distance if distance > 0 else 0.5 - distance)


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
    if value in _TENS_VALUES and 0 < _VALUES.get(following, 0) < _ONES_END:
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
    after = [one for one in tokens[stop:] if one.sentence == sentence and one.is_content and not is_number(one)][:REACH]
    before = [
        one for one in reversed(tokens[:start]) if one.sentence == sentence and one.is_content and not is_number(one)
    ][:REACH]
    previous = tokens[start - 1].word if start else ""
    at = previous if previous in _BEFORE_TIMES else ""
    if start and is_number(tokens[start - 1]) and start > 1 and tokens[start - 2].word in _BEFORE_TIMES:
        at = tokens[start - 2].word
    around = frozenset(
        one.lemma for one in tokens if one.sentence == sentence and one.is_content and not is_number(one)
    )
    return Number(
        value, start, tokens[start].clause, tuple(after), tuple(before), tokens[start].negated, at, around, sentence
    )
