"""How much is measured, and the patients whose server time is told."""

import os
from dataclasses import dataclass

SEED = 20261130
DIMENSION = 384
TOP = 8
# A therapy of a few weeks, of a year, and of many years.
WATCHED = (140, 1_000, 5_000)


@dataclass(frozen=True)
class Size:
    """Chunks in all, seconds a measure, how many clients ask at once, questions for recall, rounds for server time."""

    chunks: int
    seconds: float
    clients: tuple[int, ...]
    questions: int
    rounds: int


FULL = Size(chunks=100_000, seconds=10, clients=(1, 10, 100), questions=400, rounds=40)
TINY = Size(chunks=8_000, seconds=0.5, clients=(1, 10), questions=40, rounds=5)


def size_of(chunks: int | None) -> Size:
    """Return the size: SIZE=tiny for a look that it works, or the full one with as many chunks as are asked for."""
    size = TINY if os.environ.get("SIZE") == "tiny" else FULL
    return size if chunks is None else Size(chunks, size.seconds, size.clients, size.questions, size.rounds)
