"""The proof of repeated requests, in CI's size."""

import pytest

from proofs.kit.line import seed
from proofs.kit.organizations import stack_on_fakes
from proofs.surface import repeat


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_repeated_request_gives_nobody_what_they_may_not_have_now(capsys: pytest.CaptureFixture[str]) -> None:
    with stack_on_fakes() as stack:
        exit_code = repeat.prove(stack, repeat.PATIENTS, seed())

    captured = capsys.readouterr()

    assert exit_code == 0, captured.err + captured.out
    assert " words_given=0 secrets_given=0 stale_refusals=0 " in captured.out
