"""The proof of uploads, in CI's size and with a seed of its own, so that a failure can be had again."""

import pytest

from libs.devstack.infra import Infra
from proofs.recordings import upload

SEED = 20261126


@pytest.mark.timeout(900)
def test_no_bad_file_is_accepted_and_no_recording_is_refused(infra: Infra) -> None:
    assert upload.run(infra, upload.MUTATED, SEED) == 0
