"""Trains a head: multinomial logistic regression with an L2 penalty, by gradient descent with momentum."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from libs.sentences.head import Head

Numbers = npt.NDArray[np.float64]
STEPS = 400
TINY = 3
TUNING = Path(__file__).parent / "tuning"
T = TypeVar("T")
MOMENTUM = 0.9


def tuning_patients() -> list[Path]:
    """Return the files of the tuning patients; two of them with SIZE=tiny."""
    paths = sorted(TUNING.glob("patient_*.json"))
    return paths[:2] if os.environ.get("SIZE") == "tiny" else paths


def corner(rows: Sequence[T], most: int = TINY) -> Sequence[T]:
    """Return all rows or, with SIZE=tiny, about `most` of them: enough to see that training works."""
    return rows[:: max(1, len(rows) // most)] if os.environ.get("SIZE") == "tiny" else rows


@dataclass(frozen=True)
class Examples:
    """Feature rows with their classes; `groups` are kept together when some are held out."""

    features: Numbers
    labels: tuple[str, ...]
    groups: tuple[int, ...]

    def of_groups(self, wanted: set[int], *, without: bool = False) -> "Examples":
        """Return the examples of some groups, or of all others."""
        places = [place for place, group in enumerate(self.groups) if (group in wanted) is not without]
        return Examples(
            self.features[places],
            tuple(self.labels[place] for place in places),
            tuple(self.groups[place] for place in places),
        )


def fit(examples: Examples, penalty: float, rate: float = 0.3) -> Head:
    """Return the head that fits the examples; the same for the same examples."""
    classes = sorted(set(examples.labels))
    wanted = np.eye(len(classes))[[classes.index(label) for label in examples.labels]]
    count, width = examples.features.shape
    weights, bias = np.zeros((width, len(classes))), np.zeros(len(classes))
    pace, bias_pace = np.zeros_like(weights), np.zeros_like(bias)
    for _ in range(STEPS):
        missed = _softmax(examples.features @ weights + bias) - wanted
        pace = MOMENTUM * pace - rate * (examples.features.T @ missed + penalty * weights) / count
        bias_pace = MOMENTUM * bias_pace - rate * missed.mean(axis=0)
        weights, bias = weights + pace, bias + bias_pace
    return Head(
        tuple(classes),
        tuple(tuple(float(number) for number in column) for column in weights.T),
        tuple(float(number) for number in bias),
    )


def fit_ranking(questions: Sequence[tuple[Numbers, Numbers]], name: str, penalty: float = 0.001) -> Head:
    """Return the weights under which the turns that bear the answer come first (a softmax over each question's turns).

    Each question is a matrix of features, a row for each turn, and a 1 for every turn that bears the answer.
    """
    useful = [(rows, bears / bears.sum()) for rows, bears in questions if bears.sum()]
    weights = np.zeros(useful[0][0].shape[1])
    pace = np.zeros_like(weights)
    for _ in range(STEPS):
        missed = sum(rows.T @ (bears - _softmax((rows @ weights)[None])[0]) for rows, bears in useful)
        pace = MOMENTUM * pace + 0.5 * (missed / len(useful) - penalty * weights)
        weights = weights + pace
    return Head((name,), (tuple(float(number) for number in weights),), (0.0,))


def held_out(examples: Examples, penalty: float, folds: int, seed: int) -> list[dict[str, float]]:
    """Return the probabilities of each example by a head that was trained without its group."""
    groups = sorted(set(examples.groups))
    order = np.random.default_rng(seed).permutation(len(groups))
    found: list[dict[str, float]] = [{} for _ in examples.labels]
    for fold in range(folds):
        out = {groups[place] for place in order[fold::folds]}
        head = fit(examples.of_groups(out, without=True), penalty)
        scores = examples.features @ np.array(head.weights).T + np.array(head.bias)
        for place, group in enumerate(examples.groups):
            if group in out:
                chances = _softmax(scores[place : place + 1])[0]
                found[place] = dict(zip(head.classes, (float(chance) for chance in chances), strict=True))
    return found


def average_precision(chances: Sequence[float], is_it: Sequence[bool]) -> float:
    """Return the area under precision and recall: 1 where every positive comes before every other."""
    ordered = [is_it[place] for place in np.argsort(-np.array(chances), kind="stable")]
    hits = [place for place, found in enumerate(ordered) if found]
    return sum((number + 1) / (place + 1) for number, place in enumerate(hits)) / max(1, len(hits))


def _softmax(scores: Numbers) -> Numbers:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
