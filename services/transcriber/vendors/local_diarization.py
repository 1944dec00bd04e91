"""Speaker diarization: clusters windows of sound into two voices and assigns each word to one of them.

At most two voices, a therapist and a patient. A change of voice costs little after a pause or the end of a sentence
and much within one, so the text improves the acoustic result.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from services.transcriber.domain import Word
from services.transcriber.vendors.local_ge2e import Floats, VoiceEncoder, loudness_of, mel_frames

FRAMES_PER_S = 100
WINDOW_S = 1.0
STEP_S = 0.5
SPEECH_SHARE_MIN = 0.5
"""Windows with a smaller share of speech are ignored."""
WINDOWS_MIN = 6
ONE_VOICE_ABOVE = 0.8
"""Two clusters whose centres have a higher cosine similarity than this are one voice."""
VOICE_SHARE_MIN = 0.02
CORE_SHARE = 0.7
"""Centres are recomputed from this share of a cluster's best windows, because windows at a change mix both voices."""
RESTARTS = 8
ROUNDS = 30
SEED = 7
SWITCH_WITHIN_PHRASE = 0.6
SWITCH_AFTER_PHRASE = 0.08
"""Cost of a change of voice, in seconds at a cosine difference of 1."""
PAUSE_S = 0.25
WORD_MIN_S = 0.15


@dataclass(frozen=True)
class Windows:
    """Start times of windows (seconds, ascending) and their vectors."""

    starts: NDArray[np.float64]
    vectors: Floats


def with_voices(words: Sequence[Word], samples: NDArray[np.int16], encoder: VoiceEncoder) -> tuple[Word, ...]:
    """Return the words with voices numbered in order of appearance; all 0 if there is only one voice."""
    windows = _speech_windows(words, samples, encoder)
    centres = two_centres(windows.vectors)
    if centres is None:
        return tuple(replace(word, voice=0) for word in words)
    voices = _in_order_of_appearance(_assigned(words, _speaker_scores(words, windows, centres)))
    shares = np.bincount(voices, minlength=2) / max(len(voices), 1)
    # Noise makes a cluster as well, but hardly any words fall into it.
    if shares.min() < VOICE_SHARE_MIN:
        return tuple(replace(word, voice=0) for word in words)
    return tuple(replace(word, voice=int(voice)) for word, voice in zip(words, voices, strict=True))


def two_centres(vectors: Floats) -> Floats | None:
    """Return the centres of two voices among unit vectors, None if there is only one voice."""
    if len(vectors) < WINDOWS_MIN:
        return None
    centres = _k_means(vectors)
    similarity = vectors @ centres.T
    nearest = similarity.argmax(axis=1)
    margin = np.abs(similarity[:, 0] - similarity[:, 1])
    refined = []
    for number in (0, 1):
        mine = nearest == number
        if not mine.any():
            return None
        sure = mine & (margin >= np.quantile(margin[mine], 1 - CORE_SHARE))
        refined.append(_unit(vectors[sure].mean(axis=0)))
    return None if float(refined[0] @ refined[1]) > ONE_VOICE_ABOVE else np.stack(refined)


def _speech_windows(words: Sequence[Word], samples: NDArray[np.int16], encoder: VoiceEncoder) -> Windows:
    mels = mel_frames(samples, loudness_of(samples))
    length, step = int(WINDOW_S * FRAMES_PER_S), int(STEP_S * FRAMES_PER_S)
    spoken = np.zeros(len(mels) + 1)
    for word in words:
        spoken[int(word.start_s * FRAMES_PER_S) : int(word.end_s * FRAMES_PER_S) + 1] = 1
    covered = np.concatenate([[0], np.cumsum(spoken)])
    starts = [
        start
        for start in range(0, max(len(mels) - length, 0) + 1, step)
        if start + length <= len(mels) and covered[start + length] - covered[start] >= SPEECH_SHARE_MIN * length
    ]
    vectors = encoder.embed(mels[start : start + length] for start in starts)
    return Windows(np.array(starts) / FRAMES_PER_S, vectors)


def _k_means(vectors: Floats) -> Floats:
    """Return the centres of spherical k-means with k = 2, the best of RESTARTS seeded runs."""
    # Seeded: the same recording has the same voices each time.
    random = np.random.default_rng(SEED)
    best: tuple[float, Floats] | None = None
    for _ in range(RESTARTS):
        first = vectors[random.integers(len(vectors))]
        # Far apart from the start: two windows of one voice would end as halves of it.
        centres = np.stack([first, vectors[(vectors @ first).argmin()]])
        for _ in range(ROUNDS):
            nearest = (vectors @ centres.T).argmax(axis=1)
            if nearest.min() == nearest.max():
                break
            moved = np.stack([_unit(vectors[nearest == number].mean(axis=0)) for number in (0, 1)])
            if np.allclose(moved, centres, atol=1e-5):
                break
            centres = moved
        fit = float((vectors @ centres.T).max(axis=1).sum())
        if best is None or fit > best[0]:
            best = (fit, centres)
    assert best is not None
    return best[1]


def _speaker_scores(words: Sequence[Word], windows: Windows, centres: Floats) -> NDArray[np.float64]:
    """Return each word's score for voice 0 (positive) against voice 1 (negative), weighted by its seconds."""
    difference = (windows.vectors @ (centres[0] - centres[1])).astype(np.float64)
    middles = np.array([(word.start_s + word.end_s) / 2 for word in words])
    seconds = np.array([max(word.end_s - word.start_s, WORD_MIN_S) for word in words])
    speaker_scores: NDArray[np.float64] = np.interp(middles, windows.starts + WINDOW_S / 2, difference) * seconds
    return speaker_scores


def _assigned(words: Sequence[Word], speaker_scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the cheapest sequence of voices for the words (Viterbi)."""
    gains = np.stack([speaker_scores, -speaker_scores], axis=1)
    total = gains[0]
    came_from = np.zeros((len(words), 2), np.int64)
    for number, cost in enumerate(_switch_costs(words), start=1):
        staying, switching = total, total[::-1] - cost
        came_from[number] = np.where(staying >= switching, [0, 1], [1, 0])
        total = np.maximum(staying, switching) + gains[number]
    voices = np.empty(len(words), np.int64)
    voices[-1] = total.argmax()
    for number in range(len(words) - 1, 0, -1):
        voices[number - 1] = came_from[number, voices[number]]
    return voices


def _switch_costs(words: Sequence[Word]) -> Iterator[float]:
    for before, after in pairwise(words):
        paused = after.start_s - before.end_s >= PAUSE_S
        ended = before.text.rstrip("\"'").endswith((".", "?", "!"))
        yield SWITCH_AFTER_PHRASE if paused or ended else SWITCH_WITHIN_PHRASE


def _in_order_of_appearance(voices: NDArray[np.int64]) -> NDArray[np.int64]:
    return voices if voices[0] == 0 else 1 - voices


def _unit(vector: Floats) -> Floats:
    unit: Floats = vector / max(float(np.linalg.norm(vector)), 1e-9)
    return unit
