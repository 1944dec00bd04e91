"""Identifies the therapist by word use, which is more reliable than any acoustic feature of a voice.

The features are a voice's rates of words of a dozen kinds; a logistic model of the difference between two voices
returns the probability that one is the therapist. The weights were fitted on 67 sessions of AnnoMI (Wu et al.,
ICASSP 2022) by `python -m evals.speech.fit_roles`; `python -m evals.speech` evaluates them.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from services.transcriber.domain import Speaker, Word

SURE = 0.8
"""Below this probability the roles stay unknown, because a wrong role is worse than none."""
WORDS_ENOUGH = 40
TURNS_ENOUGH = 4
"""With fewer words or turns of the two together than these, the probability shrinks towards one half."""
PATIENT_SHARE_MIN = 0.1
"""Among three or more voices, one with a smaller share of the words (a receptionist, a child) gets no role."""
PER_WORDS = 10
"""Rates are of ten words, as the weights were fitted to."""
CALM_WORDS = 20
"""Smoothing: added to a voice's word count, so that a single word does not dominate a short text."""

KINDS: Mapping[str, frozenset[str]] = {
    kind: frozenset(words.split())
    for kind, words in {
        "first": "i i'm i've i'd i'll my me mine myself",
        "second": "you you're you've you'd you'll your yours yourself",
        "joint": "we let's us our we're we'll together",
        "asking": "what how what's tell when where which",
        "offering": "would could might maybe if may help",
        "reflecting": "sounds seems sounding hearing hear sense wondering wonder mentioned feeling feel important",
        "telling": "was were had did didn't got went said wasn't",
        "refusing": "don't can't know never not no won't couldn't",
        "linking": "because but just then like and",
        "family": "he she they him her them his their she's he's they're mom dad wife husband mother father",
        "affirming": "okay great good right alright so well thank thanks",
    }.items()
}
WEIGHTS: Mapping[str, float] = {
    "first": -2.065,
    "second": 1.594,
    "joint": 0.136,
    "asking": 0.159,
    "offering": 0.15,
    "reflecting": 0.122,
    "telling": -0.148,
    "refusing": -0.534,
    "linking": -0.412,
    "family": -0.138,
    "affirming": 0.299,
    "questions": 0.328,
}
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")
_SENTENCE_END = re.compile(r"[.?!]")


@dataclass(frozen=True)
class Roles:
    """The role of each voice, and the probability that the roles are correct."""

    speakers: Mapping[int, Speaker]
    confidence: float


def roles_of(words: Sequence[Word], voices_confidence: float = 1.0) -> Roles:
    """Assign roles to the voices of a session. A single voice, or two with similar word use, stay unknown.

    `voices_confidence` is the probability that there are so many voices (0 to 1); roles are not more probable.
    """
    words_by_voice: dict[int, list[str]] = {}
    for word in words:
        if word.voice is not None:
            words_by_voice.setdefault(word.voice, []).append(word.text)
    if len(words_by_voice) < 2:
        return Roles(dict.fromkeys(words_by_voice, Speaker.UNKNOWN), 0.0)
    scores = {voice: score(" ".join(texts)) for voice, texts in words_by_voice.items()}
    therapist = max(scores, key=lambda voice: scores[voice])
    total = sum(len(texts) for texts in words_by_voice.values())
    others = [v for v in scores if v != therapist and len(words_by_voice[v]) / total >= PATIENT_SHARE_MIN]
    if not others:
        return Roles(dict.fromkeys(words_by_voice, Speaker.UNKNOWN), 0.0)
    # Of several, whoever talks most: it is the patient's session.
    patient = max(others, key=lambda voice: len(words_by_voice[voice]))
    # Against the next best, not against the patient: a second therapist-like voice makes the choice doubtful.
    margin = scores[therapist] - max(scores[voice] for voice in others)
    confidence = min(1 / (1 + math.exp(-margin * _enough(words))), voices_confidence)
    if confidence < SURE:
        return Roles(dict.fromkeys(words_by_voice, Speaker.UNKNOWN), confidence)
    named = {therapist: Speaker.THERAPIST, patient: Speaker.PATIENT}
    return Roles({voice: named.get(voice, Speaker.UNKNOWN) for voice in words_by_voice}, confidence)


def _enough(words: Sequence[Word]) -> float:
    """Return from 0 to 1 how far words and turns suffice to tell roles."""
    voices = [word.voice for word in words]
    turns = 1 + sum(before != after for before, after in pairwise(voices))
    return min(len(words) / WORDS_ENOUGH, turns / TURNS_ENOUGH, 1.0)


def score(text: str) -> float:
    """Return the log-odds score of a text as a therapist's; only differences between scores are meaningful."""
    return sum(WEIGHTS[name] * value for name, value in measured(text).items())


def measured(text: str) -> Mapping[str, float]:
    """Return the rate of each kind of word (per ten words) and the share of questions among the sentences."""
    # Vendors write the apostrophe either way.
    words = _WORD.findall(text.lower().replace("\u2019", "'"))
    rates = {
        kind: PER_WORDS * sum(w in members for w in words) / (len(words) + CALM_WORDS)
        for kind, members in KINDS.items()
    }
    # Smoothed as the words are: one question alone must not make a text all questions.
    sentences = len(_SENTENCE_END.findall(text)) + 2
    return rates | {"questions": text.count("?") / sentences}
