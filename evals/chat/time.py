"""`python -m evals.chat.time [--misses]`: the windows that time phrases are read as, against those that are meant.

One line for the tuning phrases and one for the unseen ones, then counts by kind. Only tuning phrases are ever printed.
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from evals.chat.time_tuning import phrases as tuning_phrases
from services.chat.domain.time.reading import find_time
from services.chat.domain.time.shapes import Days, SessionSlice, TimePhrase

UNSEEN = Path(__file__).parent / "unseen" / "time.json"
# Ordinals are compared as the sessions that they choose out of this many.
SESSIONS = 24
Bounds = tuple[date | None, date | None]


class Outcome(StrEnum):
    """What became of a phrase. SOFT: a window that counts only if it has a session, where none was meant."""

    EXACT = "exact"
    ALSO = "also"
    WRONG = "wrong"
    SILENT = "silent"
    EXTRA = "extra"
    SOFT = "soft"


@dataclass(frozen=True)
class Meant:
    """A phrase and what it means: windows of whole days (inclusive), or the places of sessions, the likeliest first."""

    phrase: str
    asked_on: date
    zone: ZoneInfo
    kind: str
    windows: tuple[Bounds, ...]
    places: tuple[frozenset[int], ...]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--misses", action="store_true", help="print the tuning phrases that were not read right")
    arguments = parser.parse_args()
    for name, rows in (("tuning", tuning_phrases()), ("unseen", json.loads(UNSEEN.read_text()))):
        outcomes = [(meant, outcome(meant)) for meant in map(_meant, rows)]
        print(f"time  {name}  {_line([one for _, one in outcomes])}")
        by_kind: defaultdict[str, list[Outcome]] = defaultdict(list)
        for meant, one in outcomes:
            by_kind[meant.kind].append(one)
        for kind, ones in sorted(by_kind.items()):
            print(f"        {kind:16}  {_line(ones)}")
        if arguments.misses and name == "tuning":
            _print_misses(outcomes)


def outcome(meant: Meant) -> Outcome:
    """Return what became of a phrase."""
    found = find_time(meant.phrase, meant.asked_on, meant.zone)
    read = _bounds(found, meant.asked_on)
    if not meant.places and meant.windows[0] == (None, None):
        if read in (None, (None, None)):
            return Outcome.EXACT
        return Outcome.SOFT if found and found.soft else Outcome.EXTRA
    if read is None:
        return Outcome.SILENT
    readings: Sequence[object] = meant.places or meant.windows
    if read == readings[0]:
        return Outcome.EXACT
    return Outcome.ALSO if read in readings else Outcome.WRONG


def _bounds(found: TimePhrase | None, asked_on: date) -> Bounds | frozenset[int] | None:
    if found is None:
        return None
    first = found.meanings[0]
    if isinstance(first, SessionSlice):
        places = frozenset(range(SESSIONS)[first.start : first.stop])
        return (None, None) if len(places) == SESSIONS else places
    return _clipped(first, asked_on)


def _clipped(days: Days, asked_on: date) -> Bounds:
    return days.start, _end(days.end - timedelta(1) if days.end else None, days.start, asked_on)


def _end(last: date | None, first: date | None, asked_on: date) -> date | None:
    # An open end is the day of asking, if there is a beginning to tell it from "any time".
    if last is None:
        return asked_on if first else None
    return min(last, asked_on)


def _meant(row: Mapping[str, Any]) -> Meant:
    asked_on = datetime.fromisoformat(row["asked_at"]).date()
    pairs = [(row["from"], row["to"]), *row.get("also", ())]
    windows = []
    for start, end in pairs:
        first, last = (date.fromisoformat(bound) if bound else None for bound in (start, end))
        windows.append((first, _end(last, first, asked_on)))
    places = [row["sessions"], *row.get("also_sessions", ())] if row.get("sessions") is not None else []
    return Meant(
        row["phrase"],
        asked_on,
        ZoneInfo(row["zone"]),
        row["kind"],
        tuple(windows),
        tuple(frozenset({place - 1 if place > 0 else SESSIONS + place}) for place in places),
    )


def _line(outcomes: Sequence[Outcome]) -> str:
    count = Counter(outcomes)
    right = count[Outcome.EXACT] + count[Outcome.ALSO]
    total = len(outcomes)
    parts = "  ".join(f"{one} {count[one]}" for one in Outcome)
    return (
        f"{total:4} phrases  right {right} = {right / total:.1%}"
        f"  wrong windows {count[Outcome.WRONG] + count[Outcome.EXTRA]}  ({parts})"
    )


def _print_misses(outcomes: Sequence[tuple[Meant, Outcome]]) -> None:
    for meant, one in outcomes:
        if one not in (Outcome.EXACT, Outcome.ALSO):
            found = find_time(meant.phrase, meant.asked_on, meant.zone)
            print(f"        {one:7} {meant.kind:14} {meant.phrase!r} on {meant.asked_on:%a %d %b %Y}, {meant.zone.key}")
            print(f"                meant {meant.places or meant.windows}  read {found and found.meanings[0]}")


if __name__ == "__main__":
    main()
