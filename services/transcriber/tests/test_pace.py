"""How far a transcription is: published in steps, with what is left."""

from datetime import timedelta

import pytest

from services.transcriber.pace import Pace
from services.transcriber.tests.world import NOW


def _remaining(pace: Pace, share: float) -> float | None:
    reached = pace.reached(share)
    assert reached is not None
    return reached.remaining_s


def test_the_first_share_says_nothing_of_what_is_left() -> None:
    assert _remaining(Pace(lambda: NOW), 0.0) is None


@pytest.mark.parametrize(("first", "share", "remaining_s"), [(0.0, 0.25, 90.0), (0.5, 0.75, 30.0), (0.0, 1.0, 0.0)])
def test_what_is_left_follows_from_what_was_heard_since_the_attempt_began(
    first: float, share: float, remaining_s: float
) -> None:
    times = iter((NOW, NOW + timedelta(seconds=30)))
    pace = Pace(lambda: next(times))
    pace.reached(first)

    assert _remaining(pace, share) == remaining_s


def test_a_little_more_is_not_published() -> None:
    pace = Pace(lambda: NOW)
    pace.reached(0.5)

    assert pace.reached(0.51) is None
