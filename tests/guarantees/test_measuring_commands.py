"""Every command that measures quality or speed starts and prints its figures: in its smallest size, never judged."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MEASURED = 0
GOAL_MISSED = 1
# A quarter of a minute is enough to see that it works.
RECORDING_BYTES = 120_000

# Made up for this test, in the shape of LoCoMo; no goal can be reached or missed with it.
_CONVERSATION = {
    "speaker_a": "Ada",
    "speaker_b": "Ben",
    "sessions": [
        {
            "session": number,
            "date_time": f"1:56 pm on {number} May, 2026",
            "turns": [
                {"dia_id": f"D{number}:1", "speaker": "Ada", "text": f"I sold {number} green lamps at the market."},
                {"dia_id": f"D{number}:2", "speaker": "Ben", "text": "Then take an evening off and go for a swim."},
            ],
        }
        for number in (1, 2)
    ],
    "qa": [{"question": "What did Ada sell at the market?", "answer": "lamps", "evidence": ["D1:1"], "category": 4}],
}
_ROLES = [
    {
        "transcript_id": number,
        "turns": [
            {"speaker": "therapist", "start_s": 0, "text": f"What brings you here today, and how was week {number}?"},
            {"speaker": "client", "start_s": 9, "text": "I am tired, and my work is hard, and I do not sleep."},
        ]
        * 12,
    }
    for number in range(12)
]


def _retrieval(folder: Path) -> Sequence[str]:
    (folder / "locomo_dev_0.json").write_text(json.dumps(_CONVERSATION))
    return ["--data", str(folder)]


def _speech(folder: Path) -> Sequence[str]:
    (folder / "dialogues").mkdir()
    recording = sorted((ROOT / "samples").glob("*.mp3"))[0]
    (folder / recording.name).write_bytes(recording.read_bytes()[:RECORDING_BYTES])
    shutil.copy(ROOT / "samples" / "dialogues" / f"{recording.stem}.json", folder / "dialogues")
    return ["--samples", str(folder), "--annomi", *_roles(folder)]


def _odd_files(folder: Path) -> Sequence[str]:
    (folder / "text.mp3").write_text("Dear diary, this is no recording.")
    return [str(folder)]


def _roles(folder: Path) -> Sequence[str]:
    path = folder / "roles.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in _ROLES))
    return [str(path)]


def _folder(folder: Path) -> Sequence[str]:
    return ["--to", str(folder)]


def _patient(folder: Path) -> Sequence[str]:
    """Return a patient of one session who asks for their homework."""
    turns = [["therapist", "How was the week?"], ["patient", "Long. I slept badly and worried about work."]]
    turns += [["therapist", "Then write down one worry each evening."], ["patient", "I can try that."]]
    asked = {"ask": "What was my homework?", "asked_at": "2026-05-09T10:00:00", "kind": "homework", "follows": None}
    expected = {"expects": "answer", "gold": "write down one worry", "turns": [[0, 2]], "wrong_if": []}
    sessions = [{"date": "2026-05-01T15:00:00", "turns": turns}]
    path = folder / "patient.json"
    path.write_text(json.dumps({"zone": "Europe/London", "sessions": sessions, "questions": [asked | expected]}))
    return ["--patients", str(path)]


# The command, how it is told to be small, and what it prints when it has measured. `benchmarks.events` needs other
# packages from its first line on: its measures run in test_benchmark_of_events.py.
COMMANDS: Mapping[str, tuple[Callable[[Path], Sequence[str]], str]] = {
    "evals.chat": (_patient, r"answers +all .* right +\d"),
    "evals.chat.crisis": (lambda _: ["--rules-only"], r"crisis +unseen +explicit .* fixed text +\d"),
    "evals.chat.heads": (_folder, r"turn acts +assign .* precision \d"),
    "evals.chat.ranking": (_folder, r"ranking .* among 1 \d"),
    "evals.chat.swapped": (_retrieval, r"locomo +swapped +n +\d"),
    "evals.chat.worst_case": (lambda _: [], r"bad +all +n +\d+ +delivered +\d"),
    "evals.chat.time": (lambda _: [], r"time +unseen +\d+ phrases +right \d"),
    "evals.retrieval": (_retrieval, r"ours +\d+\.\d"),
    "evals.speech": (_speech, r"all: \d+\.\d+ x real time"),
    "evals.speech.voices": (
        lambda _: ["--condition", "telephone", "--turns", "1"],
        r"all +\d+ +\d+\.\d% +\d+\.\d% +\d",
    ),
    "evals.speech.odd_files": (_odd_files, r"all +1 +0 +0 +1 +0"),
    "evals.speech.fit_roles": (_roles, r'"\w+": -?\d'),
    "benchmarks.chat": (lambda _: [], r"ours +1 at once  p50 +\d.*failed 0"),
    "benchmarks.key_check": (lambda _: ["16"], r"GET /api/v1/me whole.* p50 +\d"),
    "benchmarks.retrieval": (lambda _: ["--only", "ours"], r"server time, 140 passages: p50 \d[\s\S]*ours +\d"),
    "benchmarks.speech": (lambda _: ["--minutes", "0.2", "--behind", "0"], r"ours +wall +\d.* words \d"),
    "benchmarks.upload": (lambda _: ["--megabytes", "1"], r"upload: 1048576 bytes, status 202"),
}
ELSEWHERE = {"benchmarks.events"}


def test_every_command_that_measures_is_started_here() -> None:
    sources = [path for folder in ("evals", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    mains = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
        for path in sources
        if "programs" not in path.parts and 'if __name__ == "__main__":' in path.read_text()
    }

    assert mains - ELSEWHERE - {name for name in mains if name.startswith("benchmarks.events.")} == set(COMMANDS)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_measures_prints_its_figures(command: str, tmp_path: Path) -> None:
    small, figures = COMMANDS[command]

    ended = subprocess.run(
        [sys.executable, "-m", command, *small(tmp_path)],
        cwd=ROOT, env=os.environ | {"SIZE": "tiny"}, capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip

    assert ended.returncode in (MEASURED, GOAL_MISSED), ended.stderr
    assert "Traceback" not in ended.stderr
    assert re.search(figures, ended.stdout), ended.stdout
