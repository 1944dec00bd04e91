"""What the head of the crisis check is trained on: tuning sets and ordinary turns, never the unseen set."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from evals.chat.training import TUNING, Examples, corner, tuning_patients
from libs.sentences.minilm import SentenceEncoder
from services.chat.crisis_head import features, seen
from services.chat.domain.crisis.assessing import Kind, assess
from services.chat.domain.crisis.signs import NONE, POSSIBLE_SELF_HARM

_PHRASES = Path(__file__).parent / "crisis_phrases.json"
_SIGNS = {
    **dict.fromkeys(("explicit", "explicit_noisy", "masked", "plans_means"), Kind.SELF_HARM.value),
    "indirect": POSSIBLE_SELF_HARM,
    **{kind.value: kind.value for kind in Kind},
}
# A head that cannot read a language is not taught by it: rules hear other languages.
_LEFT_OUT = ("other_languages",)
# Enough that each sign has some, with SIZE=tiny.
TINY_ROWS = 300


async def crisis_examples(encoder: SentenceEncoder) -> Examples:
    """Return the examples, with the label of each."""
    rows = corner(list(dict.fromkeys(_rows())), TINY_ROWS)
    vectors = await encoder.encode([seen(text) for text, _ in rows])
    found = np.array([features(text, vector) for (text, _), vector in zip(rows, vectors, strict=True)])
    return Examples(found, tuple(label for _, label in rows), tuple(range(len(rows))))


def texts() -> list[str]:
    """Return the texts of the examples, in their order."""
    return [text for text, _ in dict.fromkeys(_rows())]


def _rows() -> Iterator[tuple[str, str]]:
    for name in ("crisis", "crisis_more", "crisis_third"):
        for row in json.loads((TUNING / f"{name}.json").read_text()):
            if row["kind"] not in _LEFT_OUT:
                yield row["text"], _sign(row["text"], row["kind"])
    for phrases in json.loads(_PHRASES.read_text()).values():
        if isinstance(phrases, dict):
            yield from ((text, NONE) for text in phrases["calm"])
    yield from ((text, NONE) for text in _ordinary() if assess(text) is None)


def _sign(text: str, kind: str) -> str:
    if kind != "abuse_or_rape":
        return _SIGNS.get(kind, NONE)
    concern = assess(text)
    is_child = concern is not None and concern.kind is Kind.CHILD_IN_DANGER
    return (Kind.CHILD_IN_DANGER if is_child else Kind.ABUSE).value


def _ordinary() -> Iterator[str]:
    """Yield what made-up patients say in sessions and ask, which is hardly ever a crisis."""
    for path in tuning_patients():
        patient = json.loads(path.read_text())
        yield from (question["ask"] for question in patient["questions"])
        for session in patient["sessions"]:
            yield from (text for speaker, text in session["turns"] if speaker == "patient")
    yield from (row["text"] for row in json.loads((TUNING / "messages.json").read_text()))
