"""Normalises obfuscated text, so that rules about words cannot be evaded by the spelling."""

import re

from libs.common.folded_text import folded

# Longer than any normalised message that a person types, and short enough to match in a few milliseconds.
PLAIN_CHARS_MAX = 5_000
_FOLDED_AT_ONCE = 500
# Letters of other alphabets that look like Latin ones (the common Unicode TR39 confusables).
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁкмтвнгпԛԝαεοικνρτυχωℓıɡ’‘ʼ`´“”",
    "aeopcyxijsdkmtbhrnqwaeoiknptuxwlig'''''\"\"",
)
LEET = str.maketrans("013457@$!|€", "oieastasiie")
# A run without spaces, and its part up to the last letter and the leet signs after it. No pattern here may scan
# further than it matches: one that did took seconds per message (proofs/availability/crisis_cost.py).
_LEET_RUN = re.compile(r"\S+")
_LEET_END = re.compile(r".*[a-z][013457@$!|€]*")
# Single letters with one sign or space between them: "k i l l", "k.i.l.l", "k-i-l-l".
_SPELLED = re.compile(r"(?<![a-z'])(?:[a-z][ .\-_*/]{1,2}){3,}[a-z](?![a-z'])")
_MASKED = re.compile(r"(?<=[a-z])[*_\-.](?=[a-z])")
_LONG_RUN = re.compile(r"([a-z])\1{2,}")
_TEXT_WORDS = {"2": "to", "4": "for", "u": "you", "r": "are", "n": "and", "urself": "yourself"}
_TEXTED = re.compile(r"(?<![\w.])(?:2|4|u|r|n|urself)(?![\w.])")
_SPACE = re.compile(r"\s+")


def plain(text: str) -> str:
    """Return lower-case Latin text: NFKC, without marks, invisible characters and lookalikes, with single spaces.

    Truncates to PLAIN_CHARS_MAX after folding, because one character may fold to 18 letters.
    """
    read = ""
    for start in range(0, len(text), _FOLDED_AT_ONCE):
        read += folded(text[start : start + _FOLDED_AT_ONCE]).casefold()
        if len(read) > PLAIN_CHARS_MAX:
            break
    return _SPACE.sub(" ", read[:PLAIN_CHARS_MAX].translate(_LOOKALIKES)).strip()


def undisguised(text: str) -> tuple[str, ...]:
    """Return the possible readings of a text: plain, with leet decoded, and with spelled-out letters joined."""
    base = plain(text)
    unleeted = _LEET_RUN.sub(_unleet, base)
    spelled = _MASKED.sub("", _SPELLED.sub(_join, unleeted))
    texted = _TEXTED.sub(lambda sign: _TEXT_WORDS[sign[0]], base)
    readings = (base, unleeted, spelled, texted, _LONG_RUN.sub(r"\1", spelled))
    return tuple(dict.fromkeys(readings))


def joined(base: str) -> str:
    """Return plain text with spelled-out letters joined, long runs of a letter cut, and text-message words in full."""
    return _LONG_RUN.sub(r"\1", _TEXTED.sub(lambda sign: _TEXT_WORDS[sign[0]], _SPELLED.sub(_join, base)))


def _unleet(run: re.Match[str]) -> str:
    read = _LEET_END.match(run[0])
    return run[0] if read is None else read[0].translate(LEET) + run[0][read.end() :]


def _join(spelled: re.Match[str]) -> str:
    # Two separators in a row end a word: "k i l l  m e"; one separator is part of the spelling.
    return "".join(sign for sign in spelled[0] if sign.isalpha())
