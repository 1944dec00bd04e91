"""The proof of revocation, in CI's size."""

import pytest

from proofs.limits import revoke

SEED = 20261126


@pytest.mark.slow
@pytest.mark.alone
def test_no_gateway_accepts_a_revoked_key_after_the_call_has_returned() -> None:
    assert revoke.run(revoke.KEYS, SEED) == 0
