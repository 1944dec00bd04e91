"""Recall and precision of the crisis gate on phrases written for it, and false alarms on real conversations."""

import json
from dataclasses import dataclass
from pathlib import Path

from services.chat.domain.crisis import assess

PHRASES = Path(__file__).parent / "crisis_phrases.json"
LISTS = ("first", "second", "third")
PATIENT_LABEL = "client"


@dataclass(frozen=True)
class Gate:
    """What the gate did with phrases: lists of those it got wrong, so that they can be read."""

    crises: int
    missed: tuple[str, ...]
    calm: int
    alarmed: tuple[str, ...]

    @property
    def recall(self) -> float:
        """Share of crises heard."""
        return 1 - len(self.missed) / self.crises

    @property
    def precision(self) -> float:
        """Share of alarms that were crises."""
        heard = self.crises - len(self.missed)
        return heard / (heard + len(self.alarmed))


def on_phrases(written: str) -> Gate:
    """Return what the gate does with one of the `LISTS`."""
    phrases = json.loads(PHRASES.read_text())[written]
    crises, calm = phrases["crisis"], phrases["calm"]
    return Gate(
        crises=len(crises),
        missed=tuple(one for one in crises if assess(one) is None),
        calm=len(calm),
        alarmed=tuple(one for one in calm if assess(one) is not None),
    )


def on_conversations(path: Path) -> tuple[int, int]:
    """Return the number of client turns in a file of AnnoMI and how many of them set the gate off."""
    turns = [
        turn["text"]
        for line in path.read_text().splitlines()
        for turn in json.loads(line)["turns"]
        if turn["speaker"] == PATIENT_LABEL
    ]
    return len(turns), sum(assess(turn) is not None for turn in turns)
