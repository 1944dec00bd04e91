"""Verifies every claim of a draft answer against the stored transcript.

A sentence passes if its citation exists, if it shares enough words with the quote, and if all its numbers, dates and
names are in the quote or in the session's record. Prompt injection by text in a transcript can make a model write
anything, but such a sentence does not pass.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from services.chat.domain.conversation import Citation, Claim, Passage, Source, Turn
from services.chat.domain.words import SAME_SENSE, content_stems, stem, words

# Minimum share of a sentence's content words that its quotes must contain.
SUPPORT_MIN = 0.3
SENTENCE_CHARS_MAX = 600

_NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
        seventeen eighteen nineteen twenty""".split()  # noqa: SIM905
    )
} | {"thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "hundred": "100", "twice": "2", "once": "1"}
_ORDINAL_NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth
        fifteenth sixteenth seventeenth eighteenth nineteenth twentieth""".split(),  # noqa: SIM905
        start=1,
    )
}
_DATES = frozenset(
    """january february march april june july august september october november december monday tuesday
        wednesday thursday friday saturday sunday""".split()  # noqa: SIM905
)
# Capitalised words that are not names, and words that open a sentence.
_NOT_NAMES = frozenset(
    """i i'm i'd i'll i've ai ok therapist patient session a an the this that these those it its they their he she his
    her we our you your yours in on at by for from to with after before during when while where what who how why as so
    and but or also then there here both each another one two three first second third later earlier since because if
    although though even still together according based looking going back sometimes yes no not overall today yesterday
    last next once every all some most many nothing something someone everything another other between about against
    over under until during it's that's there's you're you've you'd he's she's they're let's don't didn't
    doesn't""".split()  # noqa: SIM905
)
_DIGITS = re.compile(r"\d+(?:[.,:]\d+)*")
_CAPITAL = re.compile(r"\b[A-Z][A-Za-z]*(?:['’][a-z]+)?")
_ADDRESS = re.compile(r"https?:|www\.|\w@\w|[a-z0-9]\.(?:com|org|net|io|info|biz)\b|<[a-z/]|\]\(|[`{}]", re.IGNORECASE)
_ATTRIBUTED = re.compile(
    r"\b(?:you|therapist|he|she|they|together|we)\b.{0,40}\b(?:said|told|mentioned|suggested|recommended|described|asked|"
    r"talked|agreed|discussed|noted|shared|explained|planned|decided|spoke|proposed|advised|felt|noticed|remembered)\b",
    re.IGNORECASE,
)
# Treatment instructions and diagnoses, which the chat must never give unless it reports what somebody said.
_JUDGEMENT = re.compile(
    r"\b(?:stop|start|quit|skip|double|increase|decrease|reduce|raise|lower|change)\b.{0,30}"
    r"\b(?:medic\w+|meds|pills?|dos(?:e|age)|tablets?|prescription|antidepress\w+|insulin|lithium|ssris?|treatment)\b"
    r"|\byou (?:have|are suffering from|suffer from|clearly have|probably have|may have|are) (?:a |an )?(?:\w+ )?"
    r"(?:depress(?:ion|ed|ive)|bipolar|adhd|ptsd|ocd|schizo\w+|borderline|narciss\w+|psychotic|autis\w+|disorder)\b"
    r"|\b(?:ignore|disregard|forget) (?:\w+ ){0,3}(?:instructions?|rules|prompts?)\b"
    r"|\bsystem prompt\b|\b(?:send|wire|transfer|pay)\b.{0,20}\b(?:money|\$|dollars|bitcoin)\b"
    r"|\b(?:password|credit card|social security)\b",
    re.IGNORECASE,
)


def verify(claims: Iterable[Claim], passages: Sequence[Passage]) -> tuple[list[str], list[Source]]:
    """Return the verified sentences and their sources, in order, without duplicates."""
    sentences: list[str] = []
    sources: list[Source] = []
    for claim in claims:
        found = verify_quotes(claim.citations, passages)
        if found and stands(claim.text, found):
            sentences.append(claim.text.strip())
            sources += [source for source in found if source not in sources]
    return sentences, sources


def verify_quotes(citations: Iterable[Citation], passages: Sequence[Passage]) -> list[Source]:
    """Return the quotes that exist verbatim in the passages."""
    there = [source for citation in citations if citation.passage in passages and (source := _source(citation))]
    return list(dict.fromkeys(there))


def stands(sentence: str, sources: Sequence[Source]) -> bool:
    """Return True if the sources support the sentence."""
    if len(sentence) > SENTENCE_CHARS_MAX or _ADDRESS.search(sentence):
        return False
    if _JUDGEMENT.search(sentence) and not _ATTRIBUTED.search(sentence):
        return False
    quotes = " ".join(source.quote for source in sources)
    record = " ".join(_record(source) for source in sources)
    return _facts(sentence) <= _facts(f"{quotes} {record}", names=False) and _support(sentence, quotes) >= SUPPORT_MIN


def _source(citation: Citation) -> Source | None:
    """Return the exact quote of a citation, None if it does not exist."""
    passage = citation.passage
    if not 0 <= citation.turn < len(passage.turns):
        return None
    turn = passage.turns[citation.turn]
    quote = turn.text if citation.words is None else citation.words.strip()
    if not quote or _spaced(quote) not in _spaced(turn.text):
        return None
    return _of(passage, turn, quote)


def _of(passage: Passage, turn: Turn, quote: str) -> Source:
    start_s, end_s = _seconds(turn, quote)
    return Source(
        chunk_id=passage.chunk_id,
        session_id=passage.session_id,
        session_date=passage.session_date,
        relevance=passage.relevance,
        quote=quote,
        start_s=start_s,
        end_s=end_s,
        speaker=turn.speaker,
        session_day=passage.session_date.date(),
    )


def _seconds(turn: Turn, quote: str) -> tuple[float, float]:
    """Return start and end of a quote in seconds, interpolated within its turn and rounded to 0.1 s."""
    place = turn.text.find(quote)
    if place < 0 or len(quote) == len(turn.text):
        return turn.start_s, turn.end_s
    length_s = turn.end_s - turn.start_s
    share = length_s / len(turn.text)
    return round(turn.start_s + place * share, 1), round(turn.start_s + (place + len(quote)) * share, 1)


def _record(source: Source) -> str:
    minutes, seconds = divmod(int(source.start_s), 60)
    return f"{_spoken_dates(source.session_date)} {source.speaker.value} {minutes}:{seconds:02}"


def _spoken_dates(at: datetime) -> str:
    return f"{at.day} {at.day}th {at:%B} {at:%b} {at.year} {at:%A} {at:%Y-%m-%d}"


def _facts(text: str, *, names: bool = True) -> set[str]:
    """Return the numbers, dates and names of a text, normalised so that `eleven` equals `11`.

    With `names` False every word counts as a name, because a transcript may not capitalise names.
    """
    said = words(text)
    facts = {number for word in said if (number := _NUMBERS.get(word) or _ORDINAL_NUMBERS.get(word))}
    if names:
        # "first" and "second" often order a story instead of counting.
        facts -= {"1", "2"} if not re.search(r"\b(?:one|two|once|twice|[12])\b", text, re.IGNORECASE) else set()
        facts.discard("1")
    facts |= {digits for found in _DIGITS.findall(text) for digits in _parts(found)}
    facts |= {word for word in said if word in _DATES}
    return facts | (_names(text) if names else {stem(word) for word in said} | set(said))


def _parts(digits: str) -> list[str]:
    return [part.lstrip("0") or "0" for part in re.split(r"[.,:]", digits)]


def _names(text: str) -> set[str]:
    # A sentence starts with a capital anyway, so its first word counts only if it does not look like an ordinary word.
    names = set()
    for found in _CAPITAL.finditer(text):
        word = found[0].lower().replace("’", "'")
        root = word.removesuffix("'s")
        opening = not text[: found.start()].rstrip(" \"'“‘(—-") or text[: found.start()].rstrip()[-1:] in ".!?:"
        ordinary = root in _NOT_NAMES or word in _NOT_NAMES or root in _NUMBERS or root in _ORDINAL_NUMBERS
        if not ordinary and not (opening and re.search(r"(?:ing|ed|ly)$", root)):
            names.add(stem(root) if opening else root)
    return names


def _support(sentence: str, quotes: str) -> float:
    wanted = [one for one in content_stems(sentence) if one not in _FRAME]
    if not wanted:
        return 0.0
    said = set(content_stems(quotes))
    held = sum(1 for one in wanted if one in said or SAME_SENSE.get(one, frozenset()) & said)
    return held / len(wanted)


def _spaced(text: str) -> str:
    return " ".join(text.split())


_FRAME = frozenset(stem(word) for word in ("describe", "share", "explain", "note", "recommend", "wonder", "notice"))
