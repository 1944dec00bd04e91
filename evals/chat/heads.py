"""`python -m evals.chat.heads [--to DIR] [NAME ...]`: trains the heads on the tuning sets, prints held-out figures.

They are written where the product reads them, or below DIR. SIZE=tiny trains on a corner of the sets.

The figures are of examples that the head was not trained on: messages by fives, turns by whole sessions. The sets of
evals/chat/unseen are never read here.
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evals.chat.crisis_training import crisis_examples
from evals.chat.training import TUNING, Examples, average_precision, corner, fit, held_out, tuning_patients
from libs.sentences.head import Head
from libs.sentences.minilm import Runtime, SentenceEncoder
from services.chat import crisis_head
from services.chat import heads as chat_heads
from services.embedder import turn_acts
from services.embedder.domain import Speaker, Turn, in_context
from services.embedder.vendors.local_turn_acts import TURN_ACTS

SEED = 20261130
FOLDS = 5
_KINDS = {
    **{
        kind: kind for kind in ("homework", "current", "did_it_ever", "comparison", "overview", "follow_up", "greeting")
    },
    **{kind: kind for kind in ("feeling", "privacy", "about_you", "other_people", "other_language")},
    **dict.fromkeys(("who", "when", "detail", "time_window", "never_discussed"), "who_when_detail"),
    "medication": "medication_or_diagnosis",
}
"""The kinds of a patient's questions as kinds of messages."""


def main() -> None:
    """Train those that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=", ".join(HEADS))
    parser.add_argument("--to", type=Path, help="a folder for what is trained")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        encoder = SentenceEncoder(Runtime(None, Path(cache), threads=2))
        for name in arguments.names or HEADS:
            train, path = HEADS[name]
            asyncio.run(train(encoder)).write(arguments.to / path.name if arguments.to else path)


async def train_message_kinds(encoder: SentenceEncoder) -> Head:
    """Train what kind of message it is."""
    rows = corner([*_read("messages"), *_patients_messages()])
    texts = [row["text"] for row in rows]
    vectors = await encoder.encode(texts)
    features = np.array([chat_heads.kind_features(*one) for one in zip(texts, vectors, strict=True)])
    examples = Examples(features, tuple(row["kind"] for row in rows), tuple(range(len(rows))))
    _print_kinds("message kinds", examples, held_out(examples, 1.0, FOLDS, SEED))
    return fit(examples, 1.0)


def _patients_messages() -> list[dict[str, Any]]:
    """Return what the tuning patients ask, where the kind of question is a kind of message."""
    asked = [one for path in tuning_patients() for one in json.loads(path.read_text())["questions"]]
    return [{"text": one["ask"], "kind": _KINDS[one["kind"]]} for one in asked if one["kind"] in _KINDS]


async def train_turn_acts(encoder: SentenceEncoder) -> Head:
    """Train what a turn does for a commitment."""
    paths = tuning_patients()
    examples = await _acts(encoder, paths)
    found = held_out(examples, 1.0, FOLDS, SEED)
    # Of whole sessions only: in snippets there is more to find than in a session.
    judged = [place for place, group in enumerate(examples.groups) if group < len(_sessions(paths))]
    for act in turn_acts.Act:
        is_it = [examples.labels[place] == act for place in judged]
        print(
            f"head  turn acts      {act:16} n {sum(is_it):4}"
            f"  average precision {average_precision([found[place].get(act, 0.0) for place in judged], is_it):.2f}"
        )
    return fit(examples, 1.0)


async def train_crisis_signs(encoder: SentenceEncoder) -> Head:
    """Train the head of the crisis check."""
    examples = await crisis_examples(encoder)
    _print_kinds("crisis signs", examples, held_out(examples, 1.0, FOLDS, SEED))
    return fit(examples, 1.0)


async def acts_without(name: str, encoder: SentenceEncoder) -> Head:
    """Return a head of turn acts that has not seen the patient of this name."""
    return fit(await _acts(encoder, [path for path in tuning_patients() if path.stem != name]), 1.0)


async def _acts(encoder: SentenceEncoder, paths: Sequence[Path]) -> Examples:
    rows: list[tuple[float, ...]] = []
    labels: list[str] = []
    groups: list[int] = []
    for number, (turns, acts) in enumerate([*_sessions(paths), *_snippets()]):
        features = turn_acts.features(turns, await encoder.encode(in_context(turns)))
        kept = [place for place, turn in enumerate(turns) if turn.text]
        rows += [features[place] for place in kept]
        labels += [acts[place] for place in kept]
        groups += [number] * len(kept)
    return Examples(np.array(rows), tuple(labels), tuple(groups))


def _sessions(paths: Sequence[Path]) -> list[tuple[list[Turn], list[str]]]:
    sessions: list[tuple[list[Turn], list[str]]] = []
    for path in paths:
        raw = json.loads(path.read_text())
        for number, session in enumerate(corner(raw["sessions"])):
            turns = [
                Turn(Speaker(speaker), text, 10.0 * place, 10.0 * place + 8)
                for place, (speaker, text) in enumerate(session["turns"])
            ]
            acts = [raw["acts"].get(f"{number},{place}", turn_acts.Act.NONE.value) for place in range(len(turns))]
            sessions.append((turns, acts))
    return sessions


def _snippets() -> list[tuple[list[Turn], list[str]]]:
    """Return the labelled snippets, each in the middle of a session that is silent before and after it."""
    return [
        _standing_in_silence([(speaker, text) for speaker, text in one["turns"]], one["acts"])
        for one in corner(_read("acts"))
    ]


def _standing_in_silence(said: list[tuple[str, str]], acts: dict[str, str]) -> tuple[list[Turn], list[str]]:
    silence = [("therapist", "")] * (2 * len(said))
    turns = [
        Turn(Speaker(speaker), text, 10.0 * place, 10.0 * place + 8)
        for place, (speaker, text) in enumerate([*silence, *said, *silence])
    ]
    none = turn_acts.Act.NONE.value
    first = len(silence)
    return turns, [acts.get(str(place - first), none) for place in range(len(turns))]


def _print_kinds(name: str, examples: Examples, found: Sequence[dict[str, float]]) -> None:
    said = [max(one, key=lambda kind: one[kind]) for one in found]
    for kind in sorted(set(examples.labels)):
        pairs = list(zip(examples.labels, said, strict=True))
        right = sum(label == answer == kind for label, answer in pairs)
        print(
            f"head  {name}  {kind:24} n {examples.labels.count(kind):4}"
            f"  recall {right / examples.labels.count(kind):.2f}  precision {right / max(1, said.count(kind)):.2f}"
        )
    share = sum(label == answer for label, answer in zip(examples.labels, said, strict=True)) / len(said)
    print(f"head  {name}  {'all':24} n {len(said):4}  right {share:.3f}  ({FOLDS} folds, seed {SEED})")


def _read(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((TUNING / f"{name}.json").read_text())
    return rows


HEADS: dict[str, tuple[Callable[[SentenceEncoder], Coroutine[None, None, Head]], Path]] = {
    "message-kinds": (train_message_kinds, chat_heads.KINDS),
    "crisis-signs": (train_crisis_signs, crisis_head.SIGNS),
    "turn-acts": (train_turn_acts, TURN_ACTS),
}


if __name__ == "__main__":
    main()
