"""Makes disguised writing plain, so that a rule about words cannot be dodged by how the letters look."""

import re
import unicodedata

# Letters of other alphabets that look like Latin ones (Unicode TR39 confusables, the common part).
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁкмтвнгпԛԝαεοικνρτυχωℓıɡ’‘ʼ`´“”",
    "aeopcyxijsdkmtbhrnqwaeoiknptuxwlig'''''\"\"",
)
_LEET = str.maketrans("013457@$!|€", "oieastasiie")
_LEET_WORD = re.compile(r"(?=\S*[a-z])[a-z013457@$!|€]*[013457@$!|€][a-z013457@$!|€]*[a-z0-9]?")
# Single letters with one sign or space between them: "k i l l", "k.i.l.l", "k-i-l-l".
_SPELLED = re.compile(r"(?<![a-z'])(?:[a-z][ .\-_*/]{1,2}){3,}[a-z](?![a-z'])")
_MASKED = re.compile(r"(?<=[a-z])[*_\-.](?=[a-z])")
_LONG_RUN = re.compile(r"([a-z])\1{2,}")
_TEXT_WORDS = {"2": "to", "4": "for", "u": "you", "r": "are", "n": "and", "urself": "yourself"}
_TEXTED = re.compile(r"(?<![\w.])(?:2|4|u|r|n|urself)(?![\w.])")
_SPACE = re.compile(r"\s+")


def plain(text: str) -> str:
    """Return lower-case Latin text: NFKC, no marks, no invisible signs, no lookalikes, single spaces."""
    wide = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text)).casefold()
    kept = "".join(sign for sign in wide if unicodedata.category(sign) not in ("Mn", "Cf", "Cc") or sign in "\n\t")
    return _SPACE.sub(" ", kept.translate(_LOOKALIKES)).strip()


def undisguised(text: str) -> tuple[str, ...]:
    """Return the readings of a text that a reader would see: plain, leet undone, spelled-out letters joined."""
    base = plain(text)
    unleeted = _LEET_WORD.sub(lambda word: word[0].translate(_LEET), base)
    joined = _MASKED.sub("", _SPELLED.sub(_join, unleeted))
    texted = _TEXTED.sub(lambda sign: _TEXT_WORDS[sign[0]], base)
    readings = (base, unleeted, joined, texted, _LONG_RUN.sub(r"\1", joined))
    return tuple(dict.fromkeys(readings))


def _join(spelled: re.Match[str]) -> str:
    # Two separators in a row end a word: "k i l l  m e"; one separator is part of the spelling.
    return "".join(sign for sign in spelled[0] if sign.isalpha())
