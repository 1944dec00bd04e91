"""Mends misspelt words of a question against the words of the patient's own sessions.

Only a word that occurs nowhere in the sessions and is no English word is mended: "smoking", of which nobody spoke, must
not become "smiling". An English word is one that the embedding model knows whole.
"""

import re
from collections.abc import Callable, Iterable, Mapping

from rapidfuzz import process
from rapidfuzz.distance import OSA

WORD_CHARS_MIN = 4
LONG_WORD_CHARS = 6
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def words_of(question: str) -> list[str]:
    """Return the words of a question, in lower case, each once."""
    return list(dict.fromkeys(word.lower() for word in _WORD.findall(question)))


def mended(question: str, unknown: Iterable[str], spoken: Mapping[str, int], knows: Callable[[str], bool]) -> str:
    """Return the question with its misspelt words replaced by the nearest that were spoken.

    `unknown` are the words that were found nowhere, `spoken` how often which word was spoken.
    """
    replaced = {word: near for word in unknown if not knows(word) and (near := _nearest(word, spoken))}
    return _WORD.sub(lambda found: replaced.get(found[0].lower(), found[0]), question)


def _nearest(word: str, spoken: Mapping[str, int]) -> str | None:
    """Return the spoken word within one edit, or two for a long word (Damerau 1964); the commonest of the nearest."""
    if len(word) < WORD_CHARS_MIN:
        return None
    most = 2 if len(word) >= LONG_WORD_CHARS else 1
    found = process.extract(word, spoken.keys(), scorer=OSA.distance, score_cutoff=most, limit=None)
    # Of those as near the one with the same first letter, which is seldom mistyped, and then the commonest.
    best = min(found, key=lambda one: (one[1], one[0][0] != word[0], -spoken[one[0]]), default=None)
    return best[0] if best else None
