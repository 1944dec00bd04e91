"""How often the roles are told right, on annotated sessions that are never shipped (AnnoMI, a path by argument)."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from services.transcriber.roles import KINDS, SURE, measured

Matrix = NDArray[np.float64]
NAMES: tuple[str, ...] = (*KINDS, "questions")
RIDGE = 1.0
FOLDS = 10


@dataclass(frozen=True)
class Session:
    """What the two said, in order: (is the therapist, text)."""

    turns: tuple[tuple[bool, str], ...]

    def text_of(self, therapist: bool) -> str:
        """Return all that one of them said."""
        return " ".join(text for who, text in self.turns if who is therapist)

    def excerpt(self, start: int, count: int) -> "Session":
        """Return some turns of it."""
        return Session(self.turns[start : start + count])


@dataclass(frozen=True)
class RoleFigures:
    """Shares of sessions: told right, told wrong, left undecided; and right when a decision is forced."""

    sessions: int
    right: float
    wrong: float
    undecided: float
    forced_right: float


def read_sessions(path: Path) -> list[Session]:
    """Read AnnoMI's JSON lines."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [Session(tuple((t["speaker"] == "therapist", t["text"]) for t in row["turns"])) for row in rows]


def fit(sessions: Sequence[Session]) -> dict[str, float]:
    """Fit the logistic weights on differences between therapist and client (ridge, Newton's method)."""
    weights = _fitted(_differences(sessions))
    return {name: round(float(value), 3) for name, value in zip(NAMES, weights, strict=True)}


def cross_validated(sessions: Sequence[Session], seed: int, turns: int | None = None) -> RoleFigures:
    """Tell roles in each fold with weights of the others; with `turns`, from an excerpt of so many turns only."""
    random = np.random.default_rng(seed)
    tested = [_excerpted(session, turns, random) for session in sessions]
    differences, excerpts = _differences(sessions), _differences(tested)
    order = random.permutation(len(sessions))
    margins = np.zeros(len(sessions))
    for fold in range(FOLDS):
        held_out = order[fold::FOLDS]
        margins[held_out] = excerpts[held_out] @ _fitted(np.delete(differences, held_out, axis=0))
    return _figures(margins)


def shipped(sessions: Sequence[Session], weights: Mapping[str, float]) -> RoleFigures:
    """Tell roles with given weights."""
    return _figures(_differences(sessions) @ np.array([weights[name] for name in NAMES]))


def _figures(margins: Matrix) -> RoleFigures:
    sure = math.log(SURE / (1 - SURE))
    return RoleFigures(
        sessions=len(margins),
        right=float((margins >= sure).mean()),
        wrong=float((margins <= -sure).mean()),
        undecided=float((np.abs(margins) < sure).mean()),
        forced_right=float((margins > 0).mean()),
    )


def _excerpted(session: Session, turns: int | None, random: np.random.Generator) -> Session:
    if turns is None or len(session.turns) <= turns:
        return session
    return session.excerpt(int(random.integers(len(session.turns) - turns)), turns)


def _differences(sessions: Sequence[Session]) -> Matrix:
    return np.array([_vector(s.text_of(therapist=True)) - _vector(s.text_of(therapist=False)) for s in sessions])


def _vector(text: str) -> Matrix:
    values = measured(text)
    return np.array([values[name] for name in NAMES])


def _fitted(differences: Matrix) -> Matrix:
    weights = np.zeros(differences.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-differences @ weights))
        gradient = differences.T @ (1 - p) - RIDGE * weights
        curvature = (differences * (p * (1 - p))[:, None]).T @ differences + RIDGE * np.eye(len(weights))
        weights = weights + np.linalg.solve(curvature, gradient)
    return weights
