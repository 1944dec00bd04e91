"""A trained head: multinomial logistic regression whose coefficients are data beside the code that uses it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Coefficients are stored as integers of this fraction: no figure changes, and the file is a third as long.
SCALE = 1000
NUMBERS_A_LINE = 32
# As all heads were trained, like the weights of vectors beside each.
CUE_WEIGHT = 0.7


@dataclass(frozen=True)
class Head:
    """One row of `weights` (one number per feature) and one `bias` per class."""

    classes: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]
    bias: tuple[float, ...]

    @classmethod
    def read(cls, path: Path) -> "Head":
        """Read a head that `write` wrote."""
        stored = json.loads(path.read_text())
        weights = tuple(tuple(number / SCALE for number in row) for row in stored["weights"])
        return cls(tuple(stored["classes"]), weights, tuple(number / SCALE for number in stored["bias"]))

    def write(self, path: Path) -> None:
        """Write the head as JSON."""
        rows = [_lines([round(number * SCALE) for number in row]) for row in self.weights]
        bias = json.dumps([round(number * SCALE) for number in self.bias])
        classes = json.dumps(list(self.classes))
        path.write_text(f'{{"classes": {classes},\n"bias": {bias},\n"weights": [\n' + ",\n".join(rows) + "\n]}\n")

    def probabilities(self, features: Sequence[float]) -> Mapping[str, float]:
        """Return the probability of each class (softmax); `features` as many as the head was trained on."""
        return dict(zip(self.classes, softmax(self.scores(features)), strict=True))

    def scores(self, features: Sequence[float]) -> list[float]:
        """Return the score of each class, of which only differences mean something."""
        return [
            bias + sum(weight * feature for weight, feature in zip(row, features, strict=True))
            for row, bias in zip(self.weights, self.bias, strict=True)
        ]


def _lines(numbers: Sequence[int]) -> str:
    """Return a JSON array in lines that a diff can show."""
    parts = [numbers[start : start + NUMBERS_A_LINE] for start in range(0, len(numbers), NUMBERS_A_LINE)]
    return "[" + ",\n".join(",".join(str(number) for number in part) for part in parts) + "]"


def weighed(cues: Sequence[float], vector: Sequence[float], vector_weight: float) -> tuple[float, ...]:
    """Return what a head reads: cues of 0 and 1, and vectors, whose numbers are small beside them."""
    return (*(CUE_WEIGHT * cue for cue in cues), *(vector_weight * number for number in vector))


def softmax(scores: Sequence[float]) -> list[float]:
    """Return probabilities that add up to 1."""
    highest = max(scores)
    powers = [math.exp(score - highest) for score in scores]
    return [power / sum(powers) for power in powers]
