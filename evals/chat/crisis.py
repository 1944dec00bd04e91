"""`python -m evals.chat.crisis [ANNOMI ...]`: how the crisis check hears each kind, on tuning and unseen messages.

Of the unseen messages only counts are printed, never a word: a set that was read for tuning is a tuning set. The head
has seen the tuning messages, so its figures there flatter it; `python -m evals.chat.heads crisis-signs` holds some out.
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from libs.sentences.minilm import Runtime, SentenceEncoder
from services.chat.crisis_head import CrisisHead
from services.chat.domain.crisis.assessing import Level, assess
from services.chat.domain.crisis.signs import Signs, weigh

HERE = Path(__file__).parent
PHRASES = HERE / "crisis_phrases.json"
LISTS = ("first", "second", "third")
SETS = {"tuning": (HERE / "tuning" / "crisis.json",), "unseen": (HERE / "unseen" / "crisis.json",)}
PATIENT_LABEL = "client"
NEGATIVE = "none"
# One's own past and worry about others get a line of care on purpose.
CARE_FITS = ("neg_past_recovery", "neg_worry_about_others")


@dataclass(frozen=True)
class Gate:
    """What the rules did with phrases: lists of those they got wrong, so that they can be read."""

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


@dataclass(frozen=True)
class Heard:
    """How many messages there were, and how many got the fixed text and the fixed text or a line of care."""

    messages: int
    explicit: int
    above: int

    def __str__(self) -> str:
        """Return the counts and shares."""
        shares = (100 * self.explicit / self.messages, 100 * self.above / self.messages)
        return f"n {self.messages:4}  fixed text {shares[0]:5.1f} %  possible or above {shares[1]:5.1f} %"


def on_phrases(written: str) -> Gate:
    """Return what the rules do with one of the `LISTS`."""
    phrases = json.loads(PHRASES.read_text())[written]
    crises, calm = phrases["crisis"], phrases["calm"]
    return Gate(
        crises=len(crises),
        missed=tuple(one for one in crises if assess(one) is None),
        calm=len(calm),
        alarmed=tuple(one for one in calm if assess(one) is not None),
    )


def client_turns(path: Path) -> list[str]:
    """Return the client turns in a file of AnnoMI."""
    lines = (json.loads(line) for line in path.read_text().splitlines())
    return [turn["text"] for line in lines for turn in line["turns"] if turn["speaker"] == PATIENT_LABEL]


def on_conversations(path: Path) -> tuple[int, int]:
    """Return the number of client turns in a file of AnnoMI and how many of them the rules alone hear."""
    turns = client_turns(path)
    return len(turns), sum(assess(turn) is not None for turn in turns)


def heard(texts: Sequence[str], signs: Sequence[Signs | None]) -> Heard:
    """Return how the check hears messages; without signs the rules alone."""
    concerns = [weigh(text, read) for text, read in zip(texts, signs, strict=True)]
    levels = [concern.level for concern in concerns if concern]
    return Heard(len(texts), levels.count(Level.EXPLICIT), len(levels))


async def _signs(texts: Sequence[str]) -> list[Signs]:
    with tempfile.TemporaryDirectory() as cache:
        return list(await CrisisHead(SentenceEncoder(Runtime(None, Path(cache), threads=2))).read(texts))


def _print_sets(*, rules_only: bool) -> None:
    found: dict[tuple[str, str, str], Heard] = {}
    for name, paths in SETS.items():
        rows = [row for path in paths for row in json.loads(path.read_text())]
        read: Sequence[Signs | None] = [None] * len(rows)
        if not rules_only:
            read = asyncio.run(_signs([row["text"] for row in rows]))
        for group, places in _groups(rows).items():
            found[(*group, name)] = heard([rows[place]["text"] for place in places], [read[place] for place in places])
    for kind, level in sorted({key[:2] for key in found}, key=lambda group: (group[1] == NEGATIVE, group)):
        for name in SETS:
            if (kind, level, name) in found:
                print(f"crisis  {name:7} {kind:24} {level:9} {found[kind, level, name]}")


def _groups(rows: Sequence[dict[str, str]]) -> dict[tuple[str, str], list[int]]:
    groups: dict[tuple[str, str], list[int]] = {}
    for place, row in enumerate(rows):
        kind, level = row["kind"], row["level"]
        names = [(kind, level)]
        if level == NEGATIVE:
            names.append(("all negatives", level))
            names += [("negatives but own past, worry", level)] if kind not in CARE_FITS else []
        for group in names:
            groups.setdefault(group, []).append(place)
    return groups


def _print_conversations(paths: Iterable[Path], *, rules_only: bool) -> None:
    for path in paths:
        turns = client_turns(path)
        read: Sequence[Signs | None] = [None] * len(turns) if rules_only else asyncio.run(_signs(turns))
        print(f"crisis  {path.name}  client turns  {heard(turns, read)}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("conversations", nargs="*", type=Path, help="files of AnnoMI (JSON lines)")
    parser.add_argument("--rules-only", action="store_true", help="as where the head cannot run")
    arguments = parser.parse_args()
    _print_sets(rules_only=arguments.rules_only)
    _print_conversations(arguments.conversations, rules_only=arguments.rules_only)


if __name__ == "__main__":
    main()
