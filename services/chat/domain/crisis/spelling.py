"""Mends the spelling of a message for the crisis check: slang, joined words, masked letters, one wrong letter.

Only words of the crisis vocabulary are mended into, because a wrong guess elsewhere would put words into a mouth.
Each word costs a bounded number of look-ups, since the check runs before all limits.
"""

import re
from functools import lru_cache

from services.chat.domain.crisis.words import COMMON, CORE, SLANG, SPLIT, SPLIT_CORE
from services.chat.domain.plain_text import LEET, joined, plain

# Longer runs without a space are not words that somebody joined by mistake.
_WORD_MAX = 40
_WORDS_KEPT_MAX = 4096
# Words of a phrase that is repeated.
_PHRASE_MAX = 12
_FUZZY_MIN, _FUZZY_MAX = 4, 14
_MASKED_MIN = 3
# Two wrong letters are only mended in words that are long enough to be told from all others.
_TWO_ERRORS_MIN = 8
_PART_MAX = max(map(len, SPLIT))
_TOKEN = re.compile(r"(?:[^\s,;:.!?()\"]|!(?=[a-z0-9]))+|[,;:.!?()\"]")
_SUFFIX = re.compile(r"(?<=[a-z]{3})'(?:s|d|ll|ve|re)$")
_MASKS = re.compile(r"[*#_\-/%&+=~^@$!|0-9]")
_GLUED = re.compile(r"\b(?:my|me) self\b")
_ILL = re.compile(
    r"\bill (?=(?:just|probably|never|only|kill|die|do|end|be|go|take|jump|hurt|cut|have|make|hang|shoot|stab)\b)"
)
_ID = re.compile(r"\bid (?=(?:rather|just|kill|do|die|be|end|like|have|never|love)\b)")
_SPELLED_DIE = re.compile(r"\bd[ .\-_*/]i[ .\-_*/]e\b")
_SWAPPED_DIE = re.compile(r"(?<=to )(?:dei|dy|dye|dier|diee|dieee?|doe|dir)\b|(?<=ready to )did\b")
_OT = re.compile(r"\b(?:want (?:ot|t|tp|yo|too)|won't to|wan to)\b")
_SH = re.compile(
    r"\b(?:(?<=relapsed on )|(?<=doing )|(?<=did ))s/?h\b|\bs/?h (?=again|last|tonight|relapse|urges?|scars)"
    r"|(?<!\w)s/h(?!\w)"
)
_OD = re.compile(r"\b(?:od|oded|oding)\b")


def mended(message: str) -> str:
    """Return the message in plain lower-case words with standard spelling."""
    text = _SWAPPED_DIE.sub("die", _SPELLED_DIE.sub("die", joined(plain(message))))
    text = _SH.sub(" self harm ", _OD.sub("overdose", text))
    words = _rejoined(_unrepeated([word for token in _TOKEN.findall(text) for word in _mended_word(token).split()]))
    text = _OT.sub("want to", _GLUED.sub("myself", " ".join(words)))
    text = _SWAPPED_DIE.sub("die", _ID.sub("i'd ", _ILL.sub("i'll ", text)))
    return re.sub(r" (?=[,;:.!?)])", "", text)


@lru_cache(maxsize=_WORDS_KEPT_MAX)
def _mended_word(token: str) -> str:
    known = SLANG.get(token)
    if known is not None:
        return known
    if token in CORE or token in COMMON or len(token) > _WORD_MAX or not any(map(str.isalpha, token)):
        return token
    suffix = _SUFFIX.search(token)
    if suffix:
        return _mended_word(token[: suffix.start()]) + suffix[0]
    if token.endswith("s") and token[:-1] in CORE:
        return token
    return _unmasked(token) or _split(token) or _nearest(token) or token


def _unmasked(token: str) -> str | None:
    """Return the word whose letters are masked by signs or figures ("k*ll", "su!cide")."""
    if not _MASKS.search(token) or not _MASKED_MIN <= len(token) <= _FUZZY_MAX:
        return None
    bare = _MASKS.sub("", token)
    for word in (bare, token.translate(LEET)):
        if word in CORE:
            return word
    pattern = re.compile("".join(".?" if _MASKS.match(sign) else re.escape(sign) for sign in token))
    fits = [word for word in CORE if pattern.fullmatch(word)] if len(bare) >= 2 else []
    return fits[0] if fits else None


def _nearest(token: str) -> str | None:
    """Return the word of the crisis vocabulary that is one letter away (two in long words)."""
    if not len(token) + 1 >= _FUZZY_MIN or len(token) > _FUZZY_MAX:
        return None
    near = [word for cut in (token, *_cuts(token)) for word in _INDEX.get(cut, ())]
    exact = [word for word in near if _distance(token, word) <= 1 and len(word) >= _FUZZY_MIN]
    if exact:
        return exact[0]
    if len(token) < _TWO_ERRORS_MIN - 1:
        return None
    twice = {word for cut in _cuts(token) for second in (cut, *_cuts(cut)) for word in _INDEX_OF_LONG.get(second, ())}
    fits = sorted(word for word in twice if word[0] == token[0] and _distance(token, word) <= 2)
    return fits[0] if fits else None


def _split(token: str) -> str | None:
    """Return the words that were written as one ("iwant", "killmyself"), each known and one of them telling."""
    if len(token) < _FUZZY_MIN:
        return None
    best: list[tuple[str, ...] | None] = [(), *(None for _ in token)]
    for end in range(1, len(token) + 1):
        for start in range(max(0, end - _PART_MAX), end):
            before, part = best[start], token[start:end]
            if before is not None and part in SPLIT:
                grown = (*before, part)
                current = best[end]
                if current is None or len(grown) < len(current):
                    best[end] = grown
    parts = best[-1]
    if parts is None or len(parts) < 2 or not SPLIT_CORE.intersection(parts):
        return None
    return " ".join(SLANG.get(part, part) for part in parts)


def _rejoined(words: list[str]) -> list[str]:
    """Join two neighbours that are one word of the crisis vocabulary in two pieces ("cu tting")."""
    found: list[str] = []
    for word in words:
        if found and (found[-1] + word) in CORE and not (found[-1] in COMMON and word in COMMON):
            found[-1] += word
        else:
            found.append(word)
    return found


def _unrepeated(words: list[str]) -> list[str]:
    """Leave out what is said a third time in a row and more often: it says nothing new and costs as much."""
    found: list[str] = []
    for word in words:
        found.append(word)
        for length in range(1, min(_PHRASE_MAX, len(found) // 3) + 1):
            if found[-length:] == found[-2 * length : -length] == found[-3 * length : -2 * length]:
                del found[-length:]
                break
    return found


def _cuts(word: str) -> list[str]:
    return [word[:place] + word[place + 1 :] for place in range(len(word))]


def _distance(one: str, other: str) -> int:
    """Return the number of letters added, left out, changed or swapped (optimal string alignment)."""
    before_last: list[int] = []
    last = list(range(len(other) + 1))
    for row, sign in enumerate(one, 1):
        line = [row]
        for column, against in enumerate(other, 1):
            cost = min(last[column] + 1, line[-1] + 1, last[column - 1] + (sign != against))
            if row > 1 and column > 1 and sign == other[column - 2] and one[row - 2] == against:
                cost = min(cost, before_last[column - 2] + 1)
            line.append(cost)
        before_last, last = last, line
    return last[-1]


def _index(words: frozenset[str], errors: int) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for word in sorted(words):
        cuts = {word, *_cuts(word)}
        for _ in range(errors - 1):
            cuts |= {second for cut in cuts for second in _cuts(cut)}
        for cut in cuts:
            found.setdefault(cut, []).append(word)
    return {cut: tuple(of) for cut, of in found.items()}


_INDEX = _index(CORE, 1)
_INDEX_OF_LONG = _index(frozenset(word for word in CORE if len(word) >= _TWO_ERRORS_MIN), 2)
