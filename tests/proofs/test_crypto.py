"""The proof of sealing and wrapping, in CI's size."""

from proofs.recordings import crypto

SEED = 20261126


def test_what_was_tampered_with_opens_for_nobody() -> None:
    assert crypto.run(crypto.CASES, SEED) == 0
