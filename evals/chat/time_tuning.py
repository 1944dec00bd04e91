"""Tuning phrases of time with the windows that are meant, generated from a seed: for tuning, never for judging.

The templates (`time_kinds.py`) count days with the standard library's calendar, not with the grammar's tables.
"""

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from evals.chat.time_kinds import FRAMES, KINDS, NONE, SLIPS
from evals.chat.time_templates import Case, Day

SEED = 20_261_130
PER_KIND = 40
ZONES = ("Europe/London", "America/New_York", "Europe/Berlin", "Pacific/Auckland", "Asia/Kolkata", "Europe/Dublin")


def phrases() -> list[dict[str, Any]]:
    """Return the phrases in the format of the unseen ones."""
    return list(_generated(random.Random(SEED)))


def _generated(chance: random.Random) -> Iterator[dict[str, Any]]:
    said: set[tuple[str, date]] = set()
    for kind, templates in KINDS.items():
        for number in range(max(PER_KIND, len(templates))):
            day, zone = _asked(chance), chance.choice(ZONES)
            case = templates[number % len(templates)](Day(day, zone, chance))
            text = chance.choice(FRAMES).format(case.phrase) if case.framed else case.phrase
            if case.windows and case.windows[0][0] is not None and case.windows[0][0] > day:
                continue
            if (text, day) not in said:
                said.add((text, day))
                yield _row(text, day, zone, kind, case)
    yield from _misspelt(chance)
    for text in NONE:
        yield _row(text, _asked(chance), chance.choice(ZONES), "none", Case(text, ((None, None),)))


def _misspelt(chance: random.Random) -> Iterator[dict[str, Any]]:
    for wrong, right in SLIPS.items():
        for kind in ("month", "weekday", "day", "week", "season", "feast", "session", "year"):
            cases = [template(Day(_asked(chance), "Europe/London", chance)) for template in KINDS[kind]]
            fitting = [case for case in cases if right in case.phrase.lower() and case.day]
            if fitting:
                case = chance.choice(fitting)
                assert case.day
                yield _row(case.phrase.lower().replace(right, wrong, 1), case.day, "Europe/London", "misspelt", case)
                break


def _asked(chance: random.Random) -> date:
    return date(2026, 1, 5) + timedelta(chance.randrange(360))


def _row(text: str, day: date, zone: str, kind: str, case: Case) -> dict[str, Any]:
    bounds = [[bound and bound.isoformat() for bound in window] for window in case.windows or ((None, None),)]
    row: dict[str, Any] = {
        "phrase": text,
        "asked_at": datetime(day.year, day.month, day.day, 14, 30).isoformat(),  # noqa: DTZ001 - the clock of the zone
        "zone": zone,
        "from": bounds[0][0],
        "to": bounds[0][1],
        "kind": kind,
        "also": bounds[1:],
    }
    return row | ({"sessions": case.sessions} if case.sessions is not None else {})
