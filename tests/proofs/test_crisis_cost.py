"""The crisis-cost proof in the size of CI."""

import pytest

from proofs.availability import crisis_cost
from proofs.kit.line import seed


@pytest.mark.slow
def test_no_message_makes_the_crisis_gate_slow_for_everybody_else(capsys: pytest.CaptureFixture[str]) -> None:
    exit_code = crisis_cost.prove(seed())

    captured = capsys.readouterr()

    assert exit_code == 0, captured.err + captured.out
