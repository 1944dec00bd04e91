"""How often and how soon a failed event is tried again."""

import random

import pytest

from libs.common.errors import RATE_LIMITED, UNAVAILABLE, UPSTREAM_FAILED, UPSTREAM_REFUSED, AppError, ProblemType
from libs.common.messaging.backoff import TRIES_MAX, Backoff


def _error(problem: ProblemType, retry_after_s: float | None = None) -> AppError:
    return AppError(problem, "it failed", retry_after_s=retry_after_s)


def test_one_try_and_three_retries_are_made_of_what_may_succeed_later() -> None:
    backoff = Backoff()

    assert [backoff.is_exhausted(attempt, _error(UPSTREAM_FAILED)) for attempt in (1, 2, 3, 4)] == [False] * 3 + [True]
    assert TRIES_MAX == 4


def test_what_was_refused_for_good_is_not_tried_again() -> None:
    assert Backoff().is_exhausted(1, _error(UPSTREAM_REFUSED))


def test_a_part_of_our_own_that_is_down_never_uses_up_the_tries() -> None:
    assert not Backoff().is_exhausted(500, _error(UNAVAILABLE))


def test_retry_after_is_honoured_up_to_an_hour() -> None:
    backoff = Backoff()

    assert backoff.delay_s(1, _error(RATE_LIMITED, retry_after_s=7)) == 7
    assert backoff.delay_s(1, _error(RATE_LIMITED, retry_after_s=86_400)) == 3600


@pytest.mark.parametrize(("attempt", "most"), [(1, 2.0), (3, 8.0), (40, 60.0)])
def test_delays_are_jittered_below_an_exponential_bound(attempt: int, most: float) -> None:
    backoff = Backoff(dice=random.Random(7))

    delays = [backoff.delay_s(attempt, _error(UPSTREAM_FAILED)) for _ in range(500)]

    assert 0 <= min(delays) < most * 0.1
    assert most * 0.9 < max(delays) <= most
