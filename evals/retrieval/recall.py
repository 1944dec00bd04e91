"""The measure: which share of the evidence is in what fits a budget of tokens, best first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from evals.retrieval.locomo import Asked, Place

BUDGETS = (1000, 2000, 4000)


@dataclass(frozen=True)
class Piece:
    """A retrieved text: its size and the turns of the data that it holds."""

    tokens: int
    holds: frozenset[Place]


@dataclass(frozen=True)
class Answered:
    """A question and what a way of searching brought, best first."""

    asked: Asked
    pieces: Sequence[Piece]


def recall(answered: Answered, budget: int) -> float:
    """Return the share of the evidence within the budget; a piece that does not fit is left out."""
    seen: set[Place] = set()
    tokens = 0
    for piece in answered.pieces:
        if tokens + piece.tokens <= budget:
            tokens += piece.tokens
            seen |= piece.holds
    return sum(place in seen for place in answered.asked.evidence) / len(answered.asked.evidence)


def table(answers: Iterable[Answered]) -> list[float]:
    """Return the mean recall in percent for each budget."""
    listed = list(answers)
    return [100 * fmean(recall(answered, budget) for answered in listed) for budget in BUDGETS]
