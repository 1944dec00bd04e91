# ruff: noqa: E501 - a list of words reads as words
"""Corrects the spelling of words of time by edit distance, without taking other English words for them."""

from functools import lru_cache

from services.chat.domain.time.words.vocabulary import MONTHS, ORDINALS, PLURAL_WEEKDAYS, SEASONS, WEEKDAYS

_LONG = 8
_WORDS_REMEMBERED = 4096
_SHORTEST, _LONGEST = 5, 15
_WORDS = (
    *MONTHS, *WEEKDAYS, *PLURAL_WEEKDAYS, *SEASONS, *ORDINALS, "yesterday", "today", "tonight", "weekend", "weekends",
    "session", "sessions", "appointment", "appointments", "meeting", "fortnight", "month", "months", "week", "weeks", "year", "years",
    "christmas", "easter", "thanksgiving", "halloween", "valentine", "valentines", "diwali", "ramadan", "hanukkah",
    "since", "before", "until", "between", "during", "recently", "lately", "previous", "penultimate", "beginning",
    "early", "middle", "start", "evening", "morning", "afternoon", "quarter", "earlier", "latest", "recent", "couple",
    "throughout", "tomorrow",
)  # fmt: skip
# English words and names within reach of the vocabulary, by frequency in English (wordfreq's first 60,000). A patient
# who writes one of these means it.
_OTHERS = frozenset(
    """
    afternoons appoint aster augusta auguste augusto avril bears beginnings benning biddle bummer carly caster cession
    christa christian christians christmases corning coupe coupled coupler couples couplet curing daring dearly dears
    deceiver decembers decent decently dismember earle earls easier eastern easters eastman eater eight eighteen
    eighths eights eighty element elements embers ester evenings evens event events faster fears fiddle fifteen fifths
    fiftieth fifty filth firsts firth foresight forth forthright fortify fortnightly fourteen fourths frida frightens
    gears geeks hallow hallowed halloweens hallows hears hirst hummer inter juli julias larch latent leeks luring
    marca marche marches marco marcy marsh master match mears meddle meeks meetings melting merch mince moaning monte
    montes monthlies monti monty mornin mornings moths mourning mouth mouths muddle nearly nears nineteen passions
    pearly pears peeks pinter precious previews previously quarters quartet raster rears recant reeks reentry regent
    relent repent resent riddle sanders sears seasons seconds sections seeks sender sessional seven seventeen seventy
    severs simmer simmers singe sixteen sixty smart sommer sparing sprang sprig springer springs springy sprint
    sprints sprung spying starc stardom stare stark starr stars startle starts starz strat string stuart sturt summed
    summers summery sumner sumter sundae sundry taster tears teeth tenths tents thirds thirteen thirties throughput
    todays toddy turing twenties untie valenti valentin valentina valentino vince wears weeds weeps wince
    winder winger winner winters wintry witter yearly yearn yearning yearns yeats yesterdays""".split()  # noqa: SIM905 - a list of words reads as words
)


@lru_cache(maxsize=_WORDS_REMEMBERED)
def corrected(word: str) -> str:
    """Return the word of time that a misspelt one is nearest to, or the word itself.

    A short word may differ by one letter, a long one by two; two letters swapped count once. Words of fewer letters
    than five are read as they are: there every word is near to another.
    """
    if (
        not _SHORTEST <= len(word) <= _LONGEST
        or word in _OTHERS
        or word in _WORDS
        or not word.isalpha()
        or word[:-1] in MONTHS
    ):
        return word
    near = [(distance, known) for known in _WORDS if (distance := _within_reach(word, known))]
    return min(near)[1] if near else word


def near(word: str, candidates: tuple[str, ...]) -> str:
    """Return the candidate that a short word differs from by one edit, or the word itself.

    Only for a place where one of the candidates is expected ("lst week", "two weaks ago").
    """
    if len(word) < _SHORTEST - 2 or not word.isalpha() or word in candidates:
        return word
    return next((known for known in candidates if _distance(word, known) == 1), word)


def _within_reach(word: str, known: str) -> int | None:
    allowed = 2 if len(known) >= _LONG and len(word) >= _LONG - 1 else 1
    # A cheap test first: a long message has hundreds of words. An edit changes at most two of the letters in use.
    if abs(len(word) - len(known)) > allowed or len(set(word) ^ set(known)) > 2 * allowed:
        return None
    distance = _distance(word, known)
    # The first letter is the last that people get wrong.
    return distance if distance + (word[0] != known[0] and distance > 1) <= allowed else None


def _distance(one: str, other: str) -> int:
    """Return the optimal string alignment distance: edits of a letter, and neighbours swapped."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        above = row
        row = [i]
        for j, right in enumerate(other, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before = above
    return row[-1]
