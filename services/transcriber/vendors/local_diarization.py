"""Speaker diarization: clusters phrases into voices by their vectors and assigns each word to one of them.

A phrase is what is said between two pauses or ends of sentences. How many voices there are is decided by evidence:
vectors of two seconds of one voice and of two voices hardly overlap (docs/adr/0022), so clusters are joined while
they are more alike than two voices are.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from libs.media.sandbox import SAMPLE_RATE, Samples
from services.transcriber.domain import Word
from services.transcriber.vendors.local_campplus import VoiceEncoder
from services.transcriber.vendors.local_weights import Floats

PAUSE_S = 0.25
PHRASE_MAX_S = 3.0
"""A longer phrase is cut between two words: a change of voice without a pause must not be lost in it."""
MARGIN_S = 0.05
"""Recognizers cut words short; a phrase is heard with this much before and behind it."""
SURE_S = 1.5
"""Phrases of this length or longer say how many voices there are; shorter ones are only assigned."""
SHORT_S = 0.8
ENOUGH_S = 20.0
"""With less speech in long phrases than this, phrases from SHORT_S on count too, and the number is less sure."""
SURE_MAX = 400
"""The longest of them, because comparing all with all is quadratic."""
DIFFERENT_BELOW = 0.25
"""Clusters with a lower mean cosine similarity are different voices, whatever else."""
SAME_VOICE = 0.72
"""Two clusters are one voice if phrases of both are this much as alike as phrases within them."""
MARGIN_UNIT = 0.05
"""Distance from SAME_VOICE at which the number of voices is right with a probability of 1 / (1 + 1 / e)."""
WITHIN_MIN = 0.4
"""Noise makes phrases of one voice less alike than this; a ratio to less would call any two voices one."""
TYPICAL = 0.65
"""The likeness within a cluster of one phrase."""
JUDGED_S = 8.0
JUDGED_SHARE = 0.2
"""Clusters with less speech than both join what they are most like: they have no likeness of their own yet."""
VOICE_MIN_S = 2.5
VOICE_SHARE_MIN = 0.01
"""A cluster with less speech is no voice: a cough, a chair, a laugh."""
VOICES_MAX = 4
UNDECIDED = 0.5
"""The confidence in one voice where no phrase is long enough to tell."""
SWITCH_WITHIN_PHRASE = 0.6
SWITCH_AFTER_PHRASE = 0.08
"""Cost of a change of voice, in seconds at a cosine difference of 1."""
WORD_MIN_S = 0.15


@dataclass(frozen=True)
class Voices:
    """Unit vectors of the voices (voices, 192), the one with most speech first, and how sure their number is."""

    centres: Floats
    confidence: float


@dataclass(frozen=True)
class Phrases:
    """Words in order of time, how many are in each phrase, and a unit vector (192) per phrase."""

    words: Sequence[Word]
    sizes: Sequence[int]
    vectors: Floats

    def each(self) -> list[Sequence[Word]]:
        """Return the words of each phrase."""
        ends = [*accumulate(self.sizes)]
        return [self.words[end - size : end] for end, size in zip(ends, self.sizes, strict=True)]


@dataclass(frozen=True)
class Diarized:
    """Words with their voices, numbered in order of appearance, and how sure their number is (0.5 to 1)."""

    words: tuple[Word, ...]
    confidence: float


def heard_phrases(words: Sequence[Word], samples: Samples, encoder: VoiceEncoder, start_s: float = 0.0) -> Phrases:
    """Return the phrases of words that are spoken in 16 kHz samples, which start at a second of the recording."""
    phrases = cut_into_phrases(words)
    vectors = encoder.embed_all([_sound_of(phrase, samples, start_s) for phrase in phrases])
    return Phrases(words, [len(phrase) for phrase in phrases], vectors)


def diarized(blocks: Sequence[Phrases]) -> Diarized:
    """Assign a voice to each word of a recording, from the phrases of its blocks."""
    words = [word for block in blocks for word in block.words]
    if not words:
        return Diarized((), 1.0)
    phrases = [phrase for block in blocks for phrase in block.each()]
    vectors = np.concatenate([block.vectors for block in blocks])
    heard = voices_of(vectors, np.array([_seconds(phrase) for phrase in phrases]))
    voices = _in_order_of_appearance(_assigned(phrases, vectors @ heard.centres.T))
    numbered = (replace(word, voice=voice) for phrase, voice in zip(phrases, voices, strict=True) for word in phrase)
    return Diarized(tuple(numbered), heard.confidence)


def cut_into_phrases(words: Sequence[Word]) -> list[Sequence[Word]]:
    """Cut words at pauses, ends of sentences, and where a phrase grows longer than PHRASE_MAX_S."""
    starts = [0] if words else []
    for number, (before, after) in enumerate(pairwise(words), start=1):
        if _ends_phrase(before, after) or after.end_s - words[starts[-1]].start_s > PHRASE_MAX_S:
            starts.append(number)
    return [words[a:b] for a, b in pairwise([*starts, len(words)])]


def voices_of(vectors: Floats, seconds: NDArray[np.float64]) -> Voices:
    """Return the voices among the unit vectors of phrases that last so many seconds."""
    # The longest, since what is longest tells most about a voice.
    longest = np.argsort(-seconds, kind="stable")[:SURE_MAX]
    long = seconds[longest] >= SURE_S
    if seconds[longest[long]].sum() < ENOUGH_S:
        long = seconds[longest] >= SHORT_S
    sure = longest[long]
    if len(sure) == 0:
        return Voices(_unit(vectors.T @ seconds)[None], UNDECIDED)
    clusters = _Clusters(vectors[sure], seconds[sure])
    margin = clusters.join() * min(float(seconds[sure].sum()) / ENOUGH_S, 1.0)
    kept = clusters.voices()
    centres = np.stack([_unit(vectors[sure[members]].T @ seconds[sure[members]]) for members in kept])
    return Voices(centres, 1 / (1 + math.exp(-margin / MARGIN_UNIT)))


class _Clusters:
    """Agglomerative clustering with average linkage, weighted by seconds; a cluster has the index of its first."""

    def __init__(self, vectors: Floats, seconds: NDArray[np.float64]) -> None:
        self._between = (vectors @ vectors.T).astype(np.float64)
        np.fill_diagonal(self._between, -np.inf)
        self._seconds = seconds.copy()
        self._members = [[number] for number in range(len(vectors))]
        # Sums over the pairs within a cluster: of likeness times weight, and of weight.
        self._likeness = np.zeros(len(vectors))
        self._weight = np.zeros(len(vectors))

    def join(self) -> float:
        """Join what is one voice; return the smallest distance of a decision about two voices from its threshold."""
        margin = SAME_VOICE
        # In a short recording a fifth of it is all that one of two may say.
        judged_s = max(min(JUDGED_S, JUDGED_SHARE * float(self._seconds.sum())), VOICE_MIN_S)
        open_pairs = self._between.copy()
        while (best := float(open_pairs.max())) >= DIFFERENT_BELOW:
            a, b = (int(index) for index in np.unravel_index(int(open_pairs.argmax()), open_pairs.shape))
            if min(self._seconds[a], self._seconds[b]) >= judged_s:
                distance = best / max(self._within(a, b), WITHIN_MIN) - SAME_VOICE
                margin = min(margin, abs(distance))
                if distance < 0:
                    # Two voices; the clusters stay, and may still grow by others.
                    open_pairs[a, b] = open_pairs[b, a] = -np.inf
                    continue
            self._join(a, b)
            for index in (a, b):
                open_pairs[index], open_pairs[:, index] = self._between[index], self._between[:, index]
        return margin

    def voices(self) -> list[list[int]]:
        """Return the members of the clusters with enough speech, the one with most first; at least one."""
        enough = max(VOICE_MIN_S, VOICE_SHARE_MIN * float(self._seconds.sum()))
        ranked = sorted((n for n, members in enumerate(self._members) if members), key=lambda n: -self._seconds[n])
        return [self._members[n] for n in ranked[:VOICES_MAX] if self._seconds[n] >= enough or n == ranked[0]]

    def _within(self, a: int, b: int) -> float:
        weight = self._weight[a] + self._weight[b]
        return float((self._likeness[a] + self._likeness[b]) / weight) if weight else TYPICAL

    def _join(self, a: int, b: int) -> None:
        weights, between = self._seconds, self._between
        pairs = weights[a] * weights[b]
        self._likeness[a] += self._likeness[b] + between[a, b] * pairs
        self._weight[a] += self._weight[b] + pairs
        joined = (between[a] * weights[a] + between[b] * weights[b]) / (weights[a] + weights[b])
        between[a], between[:, a] = joined, joined
        between[a, a] = -np.inf
        between[b], between[:, b] = -np.inf, -np.inf
        weights[a], weights[b] = weights[a] + weights[b], 0.0
        self._members[a], self._members[b] = self._members[a] + self._members[b], []


def _seconds(phrase: Sequence[Word]) -> float:
    return max(phrase[-1].end_s - phrase[0].start_s, WORD_MIN_S)


def _sound_of(phrase: Sequence[Word], samples: Samples, start_s: float) -> Samples:
    start, end = phrase[0].start_s - start_s - MARGIN_S, phrase[-1].end_s - start_s + MARGIN_S
    return samples[max(int(start * SAMPLE_RATE), 0) : max(int(end * SAMPLE_RATE), 0)]


def _assigned(phrases: Sequence[Sequence[Word]], likeness: Floats) -> list[int]:
    """Return the voice of each phrase: the cheapest sequence of voices (Viterbi)."""
    gains = likeness * np.array([[_seconds(phrase)] for phrase in phrases])
    total = gains[0]
    came_from = []
    for number, (before, after) in enumerate(pairwise(phrases), start=1):
        cost = SWITCH_AFTER_PHRASE if _ends_phrase(before[-1], after[0]) else SWITCH_WITHIN_PHRASE
        best = int(total.argmax())
        stays = total >= total[best] - cost
        came_from.append(np.where(stays, np.arange(len(total)), best))
        total = np.where(stays, total, total[best] - cost) + gains[number]
    voices = [int(total.argmax())]
    for origins in reversed(came_from):
        voices.append(int(origins[voices[-1]]))
    return voices[::-1]


def _ends_phrase(before: Word, after: Word) -> bool:
    paused = after.start_s - before.end_s >= PAUSE_S
    return paused or before.text.rstrip("\"'").endswith((".", "?", "!"))


def _in_order_of_appearance(voices: Sequence[int]) -> list[int]:
    numbers = {voice: number for number, voice in enumerate(dict.fromkeys(voices))}
    return [numbers[voice] for voice in voices]


def _unit(vector: NDArray[np.floating]) -> Floats:
    return (vector / max(float(np.linalg.norm(vector)), 1e-9)).astype(np.float32)
