"""The proof of shredding, in CI's size."""

from libs.devstack.infra import Infra
from proofs.recordings import shred

SEED = 20261126


def test_a_shredded_recording_is_nowhere_to_be_read_and_the_others_are(infra: Infra) -> None:
    assert shred.run(infra, shred.RECORDINGS, SEED) == 0
