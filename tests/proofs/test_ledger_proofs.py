"""The proofs of the consent ledger in their small size: the same code, the same conditions."""

import pytest

from libs.devstack.infra import Infra
from proofs.consent import consent_race, ledger, tamper
from proofs.kit.proof import Outcome, Run


@pytest.mark.slow
async def test_writers_at_every_isolation_level_make_one_chain(infra: Infra) -> None:
    outcome = await ledger.prove(Run(infra))

    assert outcome.reported() == 0, outcome.failed


@pytest.mark.slow
async def test_whatever_a_superuser_does_to_the_ledger_a_strangers_check_names_it(infra: Infra) -> None:
    outcome = await tamper.prove(Run(infra))

    assert outcome.reported() == 0, outcome.failed


@pytest.mark.slow
@pytest.mark.alone
async def test_no_row_that_rests_on_a_consent_appears_after_its_revocation_has_returned(infra: Infra) -> None:
    outcome = await consent_race.prove(Run(infra))

    assert outcome.reported() == 0, outcome.failed


def test_a_proof_whose_figure_is_missed_says_which(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = Outcome("rain", {"seed": 7, "drops": 3}, {"no drops": False, "a sky": True})

    exit_code = outcome.reported()
    printed = capsys.readouterr()

    assert exit_code == 1
    assert printed.out == "PROOF rain result=FAILED seed=7 drops=3\n"
    assert printed.err == "FAILED rain: no drops\n"
