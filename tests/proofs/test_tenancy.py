"""The tenancy proof in the size of CI."""

import pytest

from proofs.isolation import tenancy
from proofs.kit.line import seed
from proofs.kit.organizations import stack_on_fakes


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_nobody_gets_a_byte_of_what_they_may_not_see(capsys: pytest.CaptureFixture[str]) -> None:
    with stack_on_fakes() as stack:
        exit_code = tenancy.prove(stack, tenancy.STEPS, seed())

    captured = capsys.readouterr()

    assert exit_code == 0, captured.err + captured.out
    assert "leaks=0" in captured.out
