"""The oracle proof in the size of CI."""

import pytest

from libs.devstack.infra import Infra
from proofs.isolation import oracle


@pytest.mark.slow
def test_no_plan_tells_whether_a_value_exists_in_a_row_that_may_not_be_seen(
    infra: Infra, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code = oracle.prove(infra)

    captured = capsys.readouterr()

    assert exit_code == 0, captured.err + captured.out
    assert "told=0 " in captured.out
