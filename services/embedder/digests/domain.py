"""What a session was about, extracted from its turns when it is indexed; every sentence is somebody's own.

Topics are cut where what is said changes (TextTiling, Hearst 1997, on sentence vectors instead of words), named by the
words that are theirs among the topics of the session (class-based TF-IDF, Grootendorst 2022), and each is shown by the
turn nearest to its middle.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from libs.contracts.ids import ChunkId, SessionId
from services.embedder.chunking import SENTENCE_END
from services.embedder.digests.topics import boundaries, center, cosine
from services.embedder.domain import Index, Speaker, Turn, chunk_id
from services.embedder.turn_acts import Act

TOPICS_MAX = 8
SENTENCES_MAX = 5
WORDS_A_TOPIC = 4
NAMES_MAX = 12
NAMING_CHARS_MIN = 3
# Shorter turns answer or acknowledge, and longer ones are cut at a sentence.
SENTENCE_WORDS_MIN = 6
SENTENCE_CHARS_MAX = 360
# What sets something to do belongs in a digest.
ACT_WEIGHT = 0.15
# What the patient says in many words tells more than an answer in few (fitted on the overviews of tuning patients).
PATIENT_WEIGHT = 0.2
LENGTH_WEIGHT = 0.3
FULL_LENGTH_CHARS = 200
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
# A name is written large in the middle of a sentence, and never small anywhere in the session.
_LARGE = re.compile(r"(?<=[\w,;] )[A-Z][^\W\d_]+(?: [A-Z][^\W\d_]+)*")
_NO_NAMES = frozenset(
    """monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december christmas easter god ok okay english mr mrs ms dr""".split()  # noqa: SIM905 - a list of words reads as words
)
# Words of every conversation, which name no topic.
_COMMON = frozenset(
    """about again ain't all also always and any anything are around ask asked back because been before being both but
    came can can't come could couldn't day days did didn't different does doesn't doing don't done down each else even
    every everything feel feeling felt few first for from gave get gets getting give goes going gone good got great had
    has hasn't have haven't having hear heard help her here here's him his how i'd i'll i'm i've into isn't it's its
    just keep kind knew know last least let let's like liked little long look looked lot made make makes many maybe me
    mean means might mind mm-hm more most much must my myself need never new next nice not nothing now off often okay
    old once one ones only other our out over own part people person place please pretty probably put quite rather
    really right said same saw say saying says see seems seen set shall she she's should shouldn't since some somebody
    someone something sometimes sort sound sounds start started still stop such suppose sure take talk talked tell than
    thank thanks that that's the their them then there there's these they they're thing things think thinking this
    those though thought through time times today together told too took tried try trying two under until upon use used
    usually very want wanted was wasn't way we we'd we'll we're we've week weeks well went were weren't what what's when
    where which while who who's why will wish with without won't work would wouldn't yeah year years yes yesterday yet
    you you'd you'll you're you've your yourself across already although another anyway bit else half hard later left
    less matter moment morning night noticed notice point question session therapist real whole wonder word nobody
    everybody four five six seven eight nine ten eleven twelve thirteen fourteen fifteen eighteen nineteen twenty thirty
    forty fifty hundred thousand half three minutes minute hour hours afternoon evening""".split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Sentence:
    """What somebody said, verbatim, with the chunk to cite; `topic` is its topic's place, from 0."""

    turn: Turn
    chunk_id: ChunkId
    topic: int


@dataclass(frozen=True)
class Topic:
    """A stretch of a session in seconds, its share of the words (0 to 1), and the words that name it, best first."""

    words: tuple[str, ...]
    start_s: float
    end_s: float
    share: float


@dataclass(frozen=True)
class Name:
    """A name that was spoken, how often, and the second of the first time."""

    name: str
    mentions: int
    start_s: float


@dataclass(frozen=True)
class Digest:
    """What one version of a session's transcript was about, each part in order of time."""

    session_id: SessionId
    session_date: datetime
    transcript_version: int
    topics: tuple[Topic, ...]
    names: tuple[Name, ...]
    sentences: tuple[Sentence, ...]


def digest_of(index: Index) -> Digest | None:
    """Return the digest of an index; None if it has no turns or they have no vectors."""
    if not index.turn_vectors:
        return None
    source = index.source
    starts = [0, *boundaries(index.turn_vectors, TOPICS_MAX), len(index.turns)]
    stretches = [range(start, stop) for start, stop in pairwise(starts)]
    return Digest(
        source.session_id,
        source.session_date,
        source.transcript_version,
        _topics(index.turns, stretches),
        _names(index.turns),
        _sentences(index, stretches),
    )


def _topics(turns: Sequence[Turn], stretches: Sequence[range]) -> tuple[Topic, ...]:
    # By turns, so that a word which one turn repeats does not name the topic.
    counts = [Counter(word for place in stretch for word in _words(turns[place].text)) for stretch in stretches]
    lengths = _lengths(turns, stretches)
    return tuple(
        Topic(
            words=_naming(counts, number),
            start_s=turns[stretch.start].start_s,
            end_s=max(turns[place].end_s for place in stretch),
            share=round(lengths[number] / max(1, sum(lengths)), 3),
        )
        for number, stretch in enumerate(stretches)
    )


def _lengths(turns: Sequence[Turn], stretches: Sequence[range]) -> list[int]:
    return [sum(len(turns[place].text) for place in stretch) for stretch in stretches]


def _naming(counts: Sequence[Counter[str]], number: int) -> tuple[str, ...]:
    """Return the words that occur in one topic often and in the others seldom."""
    everywhere: Counter[str] = sum(counts, Counter())
    mean = everywhere.total() / len(counts)
    weights = {word: count * math.log(1 + mean / everywhere[word]) for word, count in counts[number].items()}
    return tuple(sorted(weights, key=lambda word: (-weights[word], word))[:WORDS_A_TOPIC])


def _words(text: str) -> set[str]:
    words = (word.lower().replace("’", "'").removesuffix("'s") for word in _WORD.findall(text))
    return {word for word in words if len(word) >= NAMING_CHARS_MIN and word not in _COMMON}


def _names(turns: Sequence[Turn]) -> tuple[Name, ...]:
    small = {word for turn in turns for word in _WORD.findall(turn.text) if word.islower()}
    found = [
        (name, turn.start_s)
        for turn in turns
        for name in _LARGE.findall(turn.text)
        if not {word.lower() for word in name.split()} & (small | _NO_NAMES)
    ]
    mentions = Counter(name for name, _ in found)
    firsts = dict(reversed(found))
    often = sorted(mentions, key=lambda name: (-mentions[name], firsts[name]))[:NAMES_MAX]
    return tuple(Name(name, mentions[name], firsts[name]) for name in sorted(often, key=lambda name: firsts[name]))


def _sentences(index: Index, stretches: Sequence[range]) -> tuple[Sentence, ...]:
    """Return the turn that shows each of the longest topics best, in order of time."""
    turns, source = index.turns, index.source
    chunks = [number for number, chunk in enumerate(index.chunks) for _ in chunk.span.turns]
    lengths = _lengths(turns, stretches)
    longest = sorted(range(len(stretches)), key=lambda number: -lengths[number])
    sentences = []
    for number in sorted(longest[:SENTENCES_MAX]):
        place = _showing(index, stretches[number])
        if place is not None:
            cited = chunk_id(source.transcript_id, source.transcript_version, chunks[place])
            sentences.append(Sentence(_short(turns[place]), cited, number))
    return tuple(sentences)


def _showing(index: Index, stretch: range) -> int | None:
    """Return the place of the statement that shows a topic best; None if nothing is stated."""
    middle = center([index.turn_vectors[place] for place in stretch])
    stated = [place for place in stretch if _is_statement(index.turns[place].text)]

    def worth(place: int) -> float:
        turn = index.turns[place]
        acts = index.turn_acts[place] if index.turn_acts else {}
        return (
            cosine(index.turn_vectors[place], middle)
            + ACT_WEIGHT * acts.get(Act.ASSIGN, 0.0)
            + PATIENT_WEIGHT * (turn.speaker is Speaker.PATIENT)
            + LENGTH_WEIGHT * min(1.0, len(turn.text) / FULL_LENGTH_CHARS)
        )

    return max(stated, key=worth, default=None)


def _is_statement(text: str) -> bool:
    stated = [part for part in SENTENCE_END.split(text.strip()) if not part.rstrip("\"')").endswith("?")]
    return len(_WORD.findall(" ".join(stated))) >= SENTENCE_WORDS_MIN


def _short(turn: Turn) -> Turn:
    """Return a turn, cut after the last whole sentence that fits."""
    if len(turn.text) <= SENTENCE_CHARS_MAX:
        return turn
    kept = ""
    for part in SENTENCE_END.split(turn.text.strip()):
        if kept and len(kept) + len(part) >= SENTENCE_CHARS_MAX:
            break
        kept = f"{kept} {part}".strip()
    return Turn(turn.speaker, kept if kept in turn.text else turn.text, turn.start_s, turn.end_s)
