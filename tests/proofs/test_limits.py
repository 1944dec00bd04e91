"""The proofs of both limits, in CI's size."""

import pytest

from libs.devstack.infra import Infra
from proofs.limits import limit20, limit1000
from proofs.limits.sliding import Attempt, Sliding

SEED = 20261126


@pytest.mark.slow
def test_a_patient_sends_twenty_messages_in_any_hour_and_not_fewer(infra: Infra) -> None:
    assert limit20.run(infra, (limit20.PATIENTS, limit20.BURSTS), SEED) == 0


@pytest.mark.slow
def test_a_key_makes_a_thousand_requests_in_any_hour_over_three_gateways_and_not_fewer() -> None:
    assert limit1000.run(limit1000.BURSTS, SEED) == 0


def test_the_measure_itself_sees_one_too_many_and_one_wrongly_refused() -> None:
    over = Sliding(2, 10.0, admitted=[0.0, 9.0, 9.9])
    wronged = Sliding(2, 10.0, admitted=[0.0, 9.0], refused=[Attempt(9.5, 9.6), Attempt(10.5, 10.6)])

    assert (over.worst(), Sliding(2, 10.0, admitted=[0.0, 9.0, 10.0]).worst()) == (3, 2)
    assert wronged.wronged() == 1
