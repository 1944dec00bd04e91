"""Made-up chunks of many patients: vectors about topics that patients share, and words by a law like that of speech."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
import numpy.typing as npt

from benchmarks.retrieval.sizes import DIMENSION, SEED, TOP, WATCHED, Size

PATIENTS_MEDIAN, PATIENTS_SPREAD, PATIENT_MOST = 110, 0.7, 4_000
TOPICS, TOPICS_A_PATIENT = 500, 8
TOPIC_SHARE, QUESTION_NOISE = 0.6, 0.5
VOCABULARY, WORDS_A_CHUNK = 6_000, 95
TEXTS = 3_000
COMMON = (
    "i",
    "you",
    "the",
    "a",
    "and",
    "it",
    "to",
    "of",
    "that",
    "in",
    "was",
    "is",
    "my",
    "me",
    "so",
    "not",
    "with",
    "we",
)

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Corpus:
    """The chunks in order of their patients, and the questions: whose, the vector, and the exact answer."""

    patients: list[UUID]
    owners: npt.NDArray[np.int32]
    vectors: Floats
    texts: list[str]
    asked_of: npt.NDArray[np.int32]
    questions: Floats
    answers: list[list[int]]

    def text(self, chunk: int) -> str:
        """Return a chunk's words."""
        return self.texts[chunk % len(self.texts)]

    def question(self, number: int) -> str:
        """Return words to ask with, out of a chunk that answers."""
        rare = [word for word in self.text(self.answers[number][0]).split() if word not in COMMON]
        return "What did we say about " + " ".join(rare[:4]) + "?"

    def save(self, path: Path) -> None:
        """Write what the peers' programs need."""
        np.savez(path, owners=self.owners, vectors=self.vectors, asked_of=self.asked_of, questions=self.questions,
                 answers=np.array(self.answers), patients=np.array([str(one) for one in self.patients]),
                 texts=np.array(self.texts))  # fmt: skip


def made(size: Size) -> Corpus:
    """Make the chunks; the patients of WATCHED are the first."""
    rng = np.random.default_rng(SEED)
    sizes = list(_sizes(rng, size.chunks))
    owners = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    topics = _unit(rng.normal(size=(TOPICS, DIMENSION)))
    own_topics = rng.integers(TOPICS, size=(len(sizes), TOPICS_A_PATIENT))
    chosen = own_topics[owners, rng.integers(TOPICS_A_PATIENT, size=len(owners))]
    # In place: a million vectors are 1.5 GB.
    vectors = _unit(rng.standard_normal((len(owners), DIMENSION), dtype=np.float32))
    vectors *= 1 - TOPIC_SHARE
    vectors += TOPIC_SHARE * topics[chosen]
    vectors = _unit(vectors)
    patients = [UUID(bytes=rng.bytes(16), version=4) for _ in sizes]
    about = rng.integers(len(owners), size=size.questions)
    noise = _unit(rng.normal(size=(size.questions, DIMENSION)))
    questions = _unit(vectors[about] + QUESTION_NOISE * noise)
    answers = [_exact(vectors, owners, owner, asked) for owner, asked in zip(owners[about], questions, strict=True)]
    return Corpus(patients, owners, vectors, _texts(rng), owners[about], questions, answers)


def _exact(vectors: Floats, owners: npt.NDArray[np.int32], owner: int, asked: Floats) -> list[int]:
    start, stop = np.searchsorted(owners, [owner, owner + 1])
    return [int(start + place) for place in np.argsort(-(vectors[start:stop] @ asked), kind="stable")[:TOP]]


def _sizes(rng: np.random.Generator, chunks: int) -> Iterator[int]:
    yield from WATCHED
    left = chunks - sum(WATCHED)
    while left > 0:
        drawn = int(np.clip(rng.lognormal(np.log(PATIENTS_MEDIAN), PATIENTS_SPREAD), 2 * TOP, PATIENT_MOST))
        yield max(drawn, TOP)
        left -= drawn


def _unit(vectors: npt.NDArray[np.floating]) -> Floats:
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32, copy=False)


def _texts(rng: np.random.Generator) -> list[str]:
    syllables = [first + second for first in "bcdfghlmnprstvw" for second in "aeiou"]
    words = ["".join(rng.choice(syllables, size=rng.integers(2, 5))) for _ in range(VOCABULARY)]
    chances = 1 / (np.arange(VOCABULARY) + 30)
    drawn = rng.choice(VOCABULARY, size=(TEXTS, WORDS_A_CHUNK), p=chances / chances.sum())
    is_common, common = rng.random((TEXTS, WORDS_A_CHUNK)) < 0.5, rng.integers(len(COMMON), size=(TEXTS, WORDS_A_CHUNK))
    return [
        " ".join(
            COMMON[common[text, place]] if is_common[text, place] else words[drawn[text, place]]
            for place in range(WORDS_A_CHUNK)
        )
        for text in range(TEXTS)
    ]
