"""The proofs of the consent ledger in their small size: the same code, the same conditions."""

from collections.abc import Awaitable, Callable

import pytest

from libs.devstack.infra import Infra
from proofs import consent_race, ledger, tamper
from proofs.proof import Outcome, Run

PROOFS = (ledger.prove, tamper.prove, consent_race.prove)


@pytest.mark.slow
@pytest.mark.parametrize("prove", PROOFS, ids=lambda prove: prove.__module__)
async def test_the_proof_holds(infra: Infra, prove: Callable[[Run], Awaitable[Outcome]]) -> None:
    outcome = await prove(Run(infra))

    assert outcome.failed == [], outcome.line()


def test_a_proof_whose_figure_is_missed_says_which_and_prints_one_line() -> None:
    outcome = Outcome("rain", {"seed": 7, "drops": 3}, {"no drops": False, "a sky": True})

    assert (outcome.line(), outcome.failed) == ("PROOF rain result=FAILED seed=7 drops=3", ["no drops"])
