"""The proof of the API's description, in CI's size."""

import pytest

from proofs.surface import api

SEED = 20261126


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_api_answers_as_it_is_described_and_to_nobody_it_does_not_know() -> None:
    assert api.run(api.EXAMPLES, SEED) == 0
