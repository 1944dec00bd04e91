"""Reading LoCoMo (Maharana et al., ACL 2024): one conversation is one patient, one of its sessions one session.

Measure with it, never ship it. Questions of category 5 swap the person, so no turn answers them; they stand apart.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.embedder.domain import Speaker, Turn

FILES = "locomo_dev_*.json"
UNANSWERABLE = 5
# The data has no seconds: speech of 150 words a minute, half a second between turns.
SECONDS_A_WORD = 0.4
SECONDS_BETWEEN = 0.5


@dataclass(frozen=True)
class Place:
    """Where a turn of the data stands: the session's number and the turn's place in it."""

    session: int
    turn: int


@dataclass(frozen=True)
class Asked:
    """A question and the turns that hold its answer."""

    text: str
    category: int
    evidence: tuple[Place, ...]


@dataclass(frozen=True)
class Conversation:
    """One file: dated sessions of turns of two speakers, questions about them, and questions of category 5."""

    name: str
    speakers: tuple[str, str]
    sessions: dict[int, tuple[datetime, tuple[Turn, ...]]]
    questions: tuple[Asked, ...]
    swapped: tuple[Asked, ...]


def read(folder: Path) -> list[Conversation]:
    """Return the conversations of a folder in order of their names; raise FileNotFoundError when there are none."""
    paths = sorted(folder.glob(FILES))
    if not paths:
        raise FileNotFoundError(f"no {FILES} in {folder}")
    return [_conversation(path.name, json.loads(path.read_text())) for path in paths]


def _conversation(name: str, raw: dict[str, Any]) -> Conversation:
    places: dict[str, Place] = {}
    sessions: dict[int, tuple[datetime, tuple[Turn, ...]]] = {}
    for session in raw["sessions"]:
        number = int(session["session"])
        at = datetime.strptime(session["date_time"], "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
        sessions[number] = (at, _turns(session["turns"], raw["speaker_a"]))
        places |= {turn["dia_id"]: Place(number, place) for place, turn in enumerate(session["turns"])}
    asked = [
        Asked(item["question"], item["category"], evidence)
        for item in raw["qa"]
        if (evidence := tuple(places[turn] for turn in item["evidence"] if turn in places))
    ]
    return Conversation(
        name,
        (raw["speaker_a"], raw["speaker_b"]),
        sessions,
        tuple(one for one in asked if one.category != UNANSWERABLE),
        tuple(one for one in asked if one.category == UNANSWERABLE),
    )


def _turns(raw: list[dict[str, str]], first_speaker: str) -> tuple[Turn, ...]:
    turns: list[Turn] = []
    at = 0.0
    for turn in raw:
        # Questions name the speakers, whom we would only call therapist and patient: the names go into the words.
        text = f"{turn['speaker']}: {turn['text']}"
        end = at + len(text.split()) * SECONDS_A_WORD
        speaker = Speaker.PATIENT if turn["speaker"] == first_speaker else Speaker.THERAPIST
        turns.append(Turn(speaker, text, at, end))
        at = end + SECONDS_BETWEEN
    return tuple(turns)
