"""The sets that nobody who tunes has read are well formed: kinds by the handful, turns that exist, nothing twice."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

UNSEEN = Path(__file__).parents[2] / "evals" / "chat" / "unseen"
EACH_MIN = 5
MARGIN = {"time": {"quarter_or_half", "part_of_year"}}
"""Kinds that may be rare, by set."""


def _read(name: str) -> Any:
    return json.loads((UNSEEN / f"{name}.json").read_text())


@pytest.mark.parametrize(("name", "text"), [("messages", "text"), ("crisis", "text"), ("time", "phrase")])
def test_a_list_has_every_kind_by_the_handful_and_nothing_twice(name: str, text: str) -> None:
    rows = _read(name)
    kinds = Counter(row["kind"] for row in rows)

    assert len({(row[text], row.get("asked_at")) for row in rows}) == len(rows) >= 300
    assert {kind for kind, count in kinds.items() if count < EACH_MIN} <= MARGIN.get(name, set())


def test_a_patients_questions_point_at_turns_that_exist() -> None:
    patient = _read("patient_one")
    turns = [len(session["turns"]) for session in patient["sessions"]]
    questions = patient["questions"]

    assert all(turn < turns[session] for question in questions for session, turn in question["turns"])
    assert all((one["follows"] or 0) <= index for index, one in enumerate(questions))
    assert min(Counter(question["kind"] for question in questions).values()) >= EACH_MIN
