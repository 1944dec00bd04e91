"""The proof of large uploads, in CI's size."""

from libs.devstack.infra import Infra
from proofs.recordings import upload_big


def test_a_large_recording_passes_in_constant_memory_and_touches_no_disk(infra: Infra) -> None:
    assert upload_big.run(infra, upload_big.CI_BYTES) == 0
