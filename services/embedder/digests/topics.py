"""Finds where a conversation changes its topic, from one vector for each turn (TextTiling, Hearst 1997)."""

import math
from collections.abc import Sequence

Vector = Sequence[float]

# Turns compared on each side of a gap.
BLOCK_TURNS = 6
# A topic of fewer turns is a digression.
TOPIC_TURNS_MIN = 6
# A gap is a boundary if its depth is above the mean by this many standard deviations.
DEPTH_DEVIATIONS = 0.5
# Where everything is alike, the deepest gap is rounding.
DEPTH_MIN = 0.02


def boundaries(vectors: Sequence[Vector], topics_max: int) -> list[int]:
    """Return the first turn of every topic but the first, in order; at most `topics_max` - 1 of them."""
    depths = _depths([_similarity(vectors, gap) for gap in range(1, len(vectors))])
    if not depths:
        return []
    mean = sum(depths) / len(depths)
    deviation = math.sqrt(sum((depth - mean) ** 2 for depth in depths) / len(depths))
    least = max(DEPTH_MIN, mean + DEPTH_DEVIATIONS * deviation)
    chosen: list[int] = []
    for gap in sorted(range(1, len(vectors)), key=lambda gap: -depths[gap - 1]):
        if depths[gap - 1] < least or len(chosen) == topics_max - 1:
            break
        if all(abs(gap - edge) >= TOPIC_TURNS_MIN for edge in (0, *chosen, len(vectors))):
            chosen.append(gap)
    return sorted(chosen)


def _similarity(vectors: Sequence[Vector], gap: int) -> float:
    """Return how alike the turns before and after a gap are."""
    before, after = vectors[max(0, gap - BLOCK_TURNS) : gap], vectors[gap : gap + BLOCK_TURNS]
    return cosine(center(before), center(after))


def _depths(similarities: Sequence[float]) -> list[float]:
    """Return how far the similarity at each gap lies below the nearest peaks on both sides."""
    return [
        _peak(similarities[place::-1]) + _peak(similarities[place:]) - 2 * similarity
        for place, similarity in enumerate(similarities)
    ]


def _peak(similarities: Sequence[float]) -> float:
    highest = similarities[0]
    for similarity in similarities[1:]:
        if similarity < highest:
            break
        highest = similarity
    return highest


def center(vectors: Sequence[Vector]) -> list[float]:
    """Return the mean of vectors of one length."""
    return [sum(parts) / len(vectors) for parts in zip(*vectors, strict=True)]


def cosine(one: Vector, other: Vector) -> float:
    """Return the cosine similarity; 0 for a vector of zeros."""
    norms = math.hypot(*one) * math.hypot(*other)
    return sum(a * b for a, b in zip(one, other, strict=True)) / norms if norms else 0.0
