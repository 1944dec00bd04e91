"""The capability proof in the size of CI."""

import pytest

from libs.devstack.infra import Infra
from proofs.isolation import capability
from proofs.kit.line import seed


@pytest.mark.slow
def test_no_capability_is_believed_that_the_gateway_did_not_mint(
    infra: Infra, capsys: pytest.CaptureFixture[str]
) -> None:
    exit_code = capability.prove(infra, capability.FORGED, seed())

    line = capsys.readouterr().out

    assert exit_code == 0, line
    assert "accepted=0" in line
