"""The proof of what may lie in a stream, in CI's size."""

import pytest

from proofs.availability import poison

SEED = 20261130


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nothing_that_can_be_left_in_a_stream_takes_a_stage_down() -> None:
    assert poison.run(SEED) == 0
