"""What a search asks, what it finds, and which words of that it asked for."""

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from libs.contracts.ids import PatientId, TranscriptId
from services.transcriber.domain import About, Segment
from services.transcriber.segment_changes import common_words

_WORD = re.compile(r"\S+")
# What stands around a word and is none of it: "(slept)," is the word "slept".
_AROUND = re.compile(r"^\W*|\W*$")


@dataclass(frozen=True)
class Search:
    """A question in the words of web searches, and at most how many segments to return."""

    patient_id: PatientId
    text: str
    limit: int


@dataclass(frozen=True)
class Hit:
    """A segment that was found, in the newest version of its transcript."""

    id: TranscriptId
    about: About
    version: int
    segment: Segment


@dataclass(frozen=True)
class Highlight:
    """A word that was asked for: its place in the text (in characters), and its times in seconds if they are known."""

    text: str
    offset: int
    start_s: float | None = None
    end_s: float | None = None


def words_in(hits: Sequence[Hit]) -> set[str]:
    """Return all words of what was found, each as it stands between blanks."""
    return {word for hit in hits for word in hit.segment.text.split()}


def highlights_of(segment: Segment, asked_for: Set[str]) -> Iterator[Highlight]:
    """Yield the words of a segment that were asked for; `asked_for` are as they stand between blanks."""
    written = list(_WORD.finditer(segment.text))
    timed = {at: segment.words[of] for of, at in _pairs(segment, [word[0] for word in written])}
    for number, found in enumerate(written):
        if found[0] not in asked_for:
            continue
        before = len(found[0]) - len(_AROUND.sub("", found[0], count=1))
        text = _AROUND.sub("", found[0])
        # A word that a person wrote was never heard at a time.
        word = timed.get(number)
        times = (word.start_s, word.end_s) if word else (None, None)
        yield Highlight(text or found[0], found.start() + (before if text else 0), *times)


def _pairs(segment: Segment, written: Sequence[str]) -> Sequence[tuple[int, int]]:
    return common_words([word.text for word in segment.words], written)
