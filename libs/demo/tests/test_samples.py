"""The sample recordings are what their reference transcripts say they are."""

import json
from itertools import pairwise
from typing import Any

import av
import pytest

from libs.demo.script import QUESTIONS, RECORDINGS, SAMPLES, Sample

TOGETHER_MAX_BYTES = 12_000_000


def _dialogue(sample: Sample) -> dict[str, Any]:
    text = (SAMPLES / "dialogues" / f"{sample.path.stem}.json").read_text()
    return dict(json.loads(text))


@pytest.mark.parametrize("sample", RECORDINGS, ids=lambda sample: sample.file)
def test_a_sample_is_as_long_as_its_reference_and_two_to_four_minutes(sample: Sample) -> None:
    with av.open(str(sample.path)) as container:
        length_s = (container.duration or 0) / av.time_base

    assert 120 <= length_s <= 240
    assert length_s == pytest.approx(_dialogue(sample)["duration_s"], abs=0.2)


@pytest.mark.parametrize("sample", RECORDINGS, ids=lambda sample: sample.file)
def test_the_turns_of_a_reference_alternate_and_do_not_overlap(sample: Sample) -> None:
    turns = _dialogue(sample)["turns"]

    assert turns[0]["speaker"] == "therapist"
    for turn, following in pairwise(turns):
        assert {turn["speaker"], following["speaker"]} == {"therapist", "patient"}
        assert turn["start_time"] < turn["end_time"] < following["start_time"]


def test_together_the_samples_stay_small_and_come_in_three_containers() -> None:
    assert sum(sample.path.stat().st_size for sample in RECORDINGS) < TOGETHER_MAX_BYTES
    assert {sample.path.suffix for sample in RECORDINGS} == {".mp3", ".m4a", ".webm"}


def test_what_each_question_asks_for_was_said_in_its_session_only() -> None:
    for question in QUESTIONS:
        for word in question.any_of:
            said_in = [s for s in RECORDINGS if word in " ".join(t["text"] for t in _dialogue(s)["turns"]).lower()]
            assert said_in == [question.answered_by]
