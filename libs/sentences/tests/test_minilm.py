"""The local model, really loaded: what is alike is near."""

from pathlib import Path

import numpy as np
import pytest

from libs.sentences.minilm import DIMENSION, Runtime, SentenceEncoder, Vector

pytestmark = pytest.mark.models


def _cosine(one: Vector, other: Vector) -> float:
    return float(np.dot(one, other))


async def test_a_question_is_nearer_to_its_answer_than_to_other_words(tmp_path: Path) -> None:
    encoder = SentenceEncoder(Runtime(None, tmp_path))

    question, answer, other = await encoder.encode(
        ["Who came along on the walk?", "My sister Anna walked with me.", "The invoice is due in March."]
    )

    assert len(question) == DIMENSION
    assert _cosine(question, answer) > _cosine(question, other) + 0.2
    assert _cosine(question, question) == pytest.approx(1.0, abs=1e-3)


async def test_a_text_has_the_same_vector_alone_and_in_a_batch_of_others(tmp_path: Path) -> None:
    encoder = SentenceEncoder(Runtime(None, tmp_path))
    texts = [f"I slept {'very ' * (place % 9)}badly on day {place}." for place in range(40)]

    together = await encoder.encode(texts)
    alone = (await encoder.encode([texts[17]]))[0]

    assert _cosine(together[17], alone) > 0.99


async def test_a_text_longer_than_the_model_reads_is_cut_and_not_refused(tmp_path: Path) -> None:
    encoder = SentenceEncoder(Runtime(None, tmp_path))

    vectors = await encoder.encode(["sleep " * 3000])

    assert len(vectors[0]) == DIMENSION


async def test_a_changed_model_file_is_passed_over_for_the_genuine_one(tmp_path: Path) -> None:
    folder = tmp_path / "all-minilm-l6-v2-int8"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"not a model")

    encoder = SentenceEncoder(Runtime(tmp_path, tmp_path / "cache"))

    assert len((await encoder.encode(["hello"]))[0]) == DIMENSION
