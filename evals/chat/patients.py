"""Reads a made-up patient (evals/chat/unseen/README.md has the format): sessions of timed turns, and questions."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from services.embedder.domain import Speaker, Turn

SECONDS_A_WORD = 0.4
SECONDS_BETWEEN = 2.0


@dataclass(frozen=True)
class Asked:
    """A question of the file: what is expected of its answer, and the turns that bear it, as (session, turn)."""

    text: str
    at: datetime
    kind: str
    follows: int | None
    expects: str
    gold: str
    turns: frozenset[tuple[int, int]]


@dataclass(frozen=True)
class PatientFile:
    """A patient: sessions with their local dates and turns, and questions."""

    name: str
    zone: ZoneInfo
    sessions: tuple[tuple[datetime, tuple[Turn, ...]], ...]
    questions: tuple[Asked, ...]


def read(path: Path) -> PatientFile:
    """Return the patient of a file."""
    raw = json.loads(path.read_text())
    zone = ZoneInfo(raw["zone"])
    sessions = tuple((_local(one["date"], zone), _timed(one["turns"])) for one in raw["sessions"])
    return PatientFile(path.stem, zone, sessions, tuple(_asked(one, zone) for one in raw["questions"]))


def _asked(one: dict[str, Any], zone: ZoneInfo) -> Asked:
    turns = frozenset((session, turn) for session, turn in one["turns"])
    at = _local(one["asked_at"], zone)
    return Asked(one["ask"], at, one["kind"], one["follows"], one["expects"], str(one["gold"]), turns)


def _local(text: str, zone: ZoneInfo) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=zone)


def _timed(turns: Sequence[Sequence[str]]) -> tuple[Turn, ...]:
    timed: list[Turn] = []
    at = 0.0
    for speaker, text in turns:
        end = at + len(text.split()) * SECONDS_A_WORD
        timed.append(Turn(Speaker(speaker), text, at, end))
        at = end + SECONDS_BETWEEN
    return tuple(timed)
