"""A head says what it was trained to say, before and after it was written down."""

from pathlib import Path

import pytest

from libs.sentences.head import Head

HEAD = Head(("calm", "urgent"), ((1.0, 0.0), (-1.0, 2.5)), (0.25, -0.25))


def test_probabilities_add_up_and_the_nearer_class_has_more() -> None:
    said = HEAD.probabilities((0.0, 1.0))

    assert sum(said.values()) == pytest.approx(1.0)
    assert said["urgent"] > said["calm"]


def test_a_head_reads_as_it_was_written(tmp_path: Path) -> None:
    HEAD.write(tmp_path / "head.json")

    assert Head.read(tmp_path / "head.json") == HEAD


def test_features_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        HEAD.probabilities((1.0,))
