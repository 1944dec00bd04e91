"""What is measured of speech in several commands: words on the right voice, and what a process used."""

import itertools
import resource
import sys
from collections import Counter
from collections.abc import Sequence

from evals.speech.compositions import Spoken
from services.transcriber.domain import Word


def voice_of(word: Word, spoken: Sequence[Spoken]) -> int:
    """Return who speaks in the middle of a word, or nearest to it."""
    middle_s = (word.start_s + word.end_s) / 2
    return min(spoken, key=lambda one: max(one.start_s - middle_s, middle_s - one.end_s, 0.0)).voice


def words_right(words: Sequence[Word], spoken: Sequence[Spoken]) -> float:
    """Return the share of words on the right voice, with the best of all ways to name the voices."""
    pairs = Counter((word.voice or 0, voice_of(word, spoken)) for word in words)
    found, true = max(a for a, _ in pairs) + 1 if pairs else 1, max(one.voice for one in spoken) + 1
    ways = itertools.permutations(range(max(found, true)), true)
    right = max(sum(pairs[a, b] for a, b in zip(way, range(true), strict=True)) for way in ways)
    return right / max(len(words), 1)


def cpu_s() -> float:
    """Return the CPU seconds of this process and of its children that ended."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def peak_mb() -> float:
    """Return the largest memory that this process had, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 if sys.platform == "linux" else 1024**2)
