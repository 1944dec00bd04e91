"""Proof: no message makes the crisis gate slow for everybody else (`python -m proofs.availability.crisis_cost`).

The gate runs before all limits, in the loop that answers others. It and all that a message is understood by are timed
in CPU over messages of the greatest length: each code point that folds to more than itself, over and over, and what
makes patterns backtrack (pieces of the rules' own words, signs between letters, seeded mixtures). `growth` is the cost
of 4,000 characters over that of 2,000: about 2 is linear, 4 would be quadratic.
"""

import random
import re
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from proofs.kit.line import proof, seed, sized
from services.chat.domain.crisis.assessing import assess
from services.chat.domain.inquiry import Moment, understand

NAME = "crisis-cost"
CHARS_MAX = 4_000
COST_MAX_MS = 20.0
GROWTH_MAX = 3.0
# Below this the clock's own steps are most of what is measured.
GROWTH_FROM_MS = 3.0
# No machine makes this out of what is allowed: one run tells it.
FAR_ABOVE_MS = 10 * COST_MAX_MS
REPEATS = 5
MIXTURES = sized(20, 120, 10_000)
EVERY_NTH_CODE_POINT = sized(500, 100, 1)
LONGEST = 20
_PIECES = (
    "a", "a.", "a. ", "a-", "k i l l ", "0", "0a", "1", "!", "$a", "...", "x' ", "' ", "i ", "i'm ", "i want to ",
    "how many ", "voices tell ", "pills ", "lethal ", "bought a gun ", "will and ", "my ", "the ", "kill ", "die ",
    "last ", "last week ", "in ", "on the ", "2 ", "2026-", "01/02/", "monday ", "and ", "between ", "since ",
    "before ", "session ", "ago ", "\N{RIGHT SINGLE QUOTATION MARK}", "\t", "\n", "é", "@", "|", "*a", "_a", "a_",
)  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """What the worst message cost, and the worst growth from half of a message to all of it."""

    worst_ms: float
    growth: float
    messages: int


def expanding() -> list[str]:
    """Return the code points that fold to more than one sign, those that fold to most first."""
    signs = (chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point <= 0xDFFF)
    folded = {sign: len(unicodedata.normalize("NFKD", sign).casefold()) for sign in signs}
    return sorted((sign for sign, length in folded.items() if length > 1), key=lambda sign: -folded[sign])


def messages(randomness: random.Random) -> Iterator[str]:
    """Yield units to repeat."""
    signs = expanding()
    yield from (*signs[:LONGEST], *signs[LONGEST::EVERY_NTH_CODE_POINT])
    yield from _PIECES
    for _ in range(MIXTURES):
        yield "".join(randomness.choices(_PIECES, k=randomness.randint(2, 5)))


def measure(work: Callable[[str], object], units: Sequence[str]) -> Cost:
    """Time each unit, repeated to the greatest length."""
    worst_ms = growth = 0.0
    for unit in units:
        whole = (unit * CHARS_MAX)[:CHARS_MAX]
        cost_ms = _cpu_ms(work, whole)
        worst_ms = max(worst_ms, cost_ms)
        if cost_ms > GROWTH_FROM_MS:
            growth = max(growth, cost_ms / _cpu_ms(work, whole[: CHARS_MAX // 2]))
    return Cost(worst_ms, growth, len(units))


def _cpu_ms(work: Callable[[str], object], message: str) -> float:
    """Return the least CPU of some runs: what is above it belongs to the machine."""
    least = float("inf")
    for _ in range(REPEATS):
        started = time.process_time_ns()
        work(message)
        least = min(least, (time.process_time_ns() - started) / 1e6)
        if least < GROWTH_FROM_MS / 3 or least > FAR_ABOVE_MS:
            break
    return least


def _understood(message: str) -> None:
    assess(message)
    understand(message, (), Moment(datetime(2026, 11, 30, tzinfo=UTC), UTC))


def _as_before(message: str) -> None:
    """The pattern that stalled everybody, over what a message folded to."""
    folded = unicodedata.normalize("NFKD", message).casefold()
    re.compile(r"(?=\S*[a-z])[a-z0-9@$!|]*[0-9@$!|][a-z0-9@$!|]*").sub("", folded)


def prove(chosen: int) -> int:
    """Measure all; return the exit code."""
    cost = measure(_understood, list(messages(random.Random(chosen))))
    control = measure(_as_before, ["\N{SQUARE HPA}"])
    good = cost.worst_ms <= COST_MAX_MS and cost.growth <= GROWTH_MAX and control.growth > GROWTH_MAX
    return proof(
        NAME, good, messages=cost.messages, worst_ms=round(cost.worst_ms, 1), growth=round(cost.growth, 2),
        control_ms=round(control.worst_ms), control_growth=round(control.growth, 2), seed=chosen,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(prove(seed()))
