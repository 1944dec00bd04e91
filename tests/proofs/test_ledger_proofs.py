"""The proofs of the consent ledger in their small size: the same code, the same conditions."""

from collections.abc import Awaitable, Callable

import pytest

from libs.devstack.infra import Infra
from proofs.consent import consent_race, ledger, tamper
from proofs.kit.proof import Outcome, Run

PROOFS = (ledger.prove, tamper.prove, pytest.param(consent_race.prove, marks=pytest.mark.alone))


@pytest.mark.slow
@pytest.mark.parametrize("prove", PROOFS, ids=lambda prove: prove.__module__)
async def test_the_proof_holds(infra: Infra, prove: Callable[[Run], Awaitable[Outcome]]) -> None:
    outcome = await prove(Run(infra))

    assert outcome.told() == 0, outcome.failed


def test_a_proof_whose_figure_is_missed_says_which(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome("rain", {"seed": 7, "drops": 3}, {"no drops": False, "a sky": True})

    assert outcome.told() == 1
    printed = capsys.readouterr()
    assert printed.out == "PROOF rain result=FAILED seed=7 drops=3\n"
    assert printed.err == "FAILED rain: no drops\n"
