"""The arbitrary-sql proof in the size of CI."""

import pytest

from libs.devstack.infra import Infra
from proofs.isolation import arbitrary_sql


@pytest.mark.slow
def test_arbitrary_sql_as_a_service_changes_and_shows_nothing_of_others(
    infra: Infra, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code = arbitrary_sql.prove(infra, rounds=1)

    captured = capsys.readouterr()

    assert exit_code == 0, captured.err + captured.out
    assert "effects=0 foreign_rows=0" in captured.out
