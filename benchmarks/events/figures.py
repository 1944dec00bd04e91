"""What a measure returns: a table, the bars it is held to, and how it was taken."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

EACH_MAX = 5


@dataclass(frozen=True)
class Bar:
    """A goal of issue 3 and what was seen. `at_least` tells which side is good."""

    what: str
    seen: float
    limit: float
    unit: str = ""
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the goal was reached."""
        return self.seen >= self.limit if self.at_least else self.seen <= self.limit

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        verdict = "holds" if self.holds else f"missed by a factor of {self._factor:.2f}"
        return f"{self.what}: {number(self.seen)}{self.unit}, bar {sign} {number(self.limit)}{self.unit}: {verdict}."

    @property
    def _factor(self) -> float:
        low, high = sorted((self.seen, self.limit))
        return high / low if low else float("inf")


@dataclass(frozen=True)
class Section:
    """One measure's result."""

    title: str
    how: Sequence[str]
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    bars: Sequence[Bar] = field(default_factory=tuple)


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of them does not pass."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, round(share * len(ordered)) - 1))]


def number(value: float) -> str:
    """Return a figure with three significant digits or so."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def each(values: Sequence[float]) -> str:
    """Return the rounds' figures in the order they were taken; of many only the range."""
    if len(values) > EACH_MAX:
        return f"{number(min(values))} to {number(max(values))} in {len(values)} runs"
    return " / ".join(number(value) for value in values)
