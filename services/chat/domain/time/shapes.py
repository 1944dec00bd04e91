"""What a time phrase may mean: a range of days, or places in the list of sessions."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Days:
    """A half-open range of days `[start, end)`; None is unbounded.

    `pick`: of the sessions in the range only these, in order of time ("the last session in March").
    """

    start: date | None
    end: date | None
    pick: "SessionSlice | None" = None


@dataclass(frozen=True)
class SessionSlice:
    """A slice of the sessions in order of time, with Python's semantics: `SessionSlice(-1, None)` is the last one."""

    start: int | None
    stop: int | None


@dataclass(frozen=True)
class TimePhrase:
    """A phrase and its possible meanings, likeliest first.

    `soft`: the phrase may refer to the patient's life instead of a session ("swimming on Thursday"), so it counts only
    if a session lies in its range. `ambiguous`: it is written in a way that two customs read apart (3/5), so the
    answer says which one was taken.
    """

    words: str
    meanings: tuple[Days | SessionSlice, ...]
    soft: bool = False
    ambiguous: bool = False
