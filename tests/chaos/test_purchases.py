"""What counts as a failure that may be bought again is decided call by call, and nothing else is excused."""

import pytest

from libs.devstack.vendors.faults import Fault
from tests.chaos.nemesis import Wound
from tests.chaos.plan import Kind
from tests.chaos.purchases import KEEP_WITHIN_S, Purchases, purchases
from tests.chaos.recording_vendor import Books, Call

WORKER, OTHER = "transcriber-work", "transcriber-work-2"


def call(began_at: float, ended_at: float | None = None, fault: Fault | None = None) -> Call:
    """A call of the worker for the session `s`."""
    return Call(WORKER, began_at, "sound", fault, ended_at or began_at + 1, was_served=fault is None)


def counted(*calls: Call, wounds: tuple[Wound, ...] = (), kept_at: float | None = None) -> Purchases:
    """Judge the calls of one session."""
    kept = {} if kept_at is None else {"s": kept_at}
    return purchases(Books(list(calls)), {"s": "sound"}, wounds, kept)


def test_one_call_for_one_session_is_what_was_ordered() -> None:
    bought = counted(call(0), kept_at=1.1)

    assert (bought.calls, bought.allowed, list(bought.unearned)) == (1, 1, [])


def test_a_second_call_without_a_failure_is_unearned() -> None:
    bought = counted(call(0), call(2), kept_at=1.1)

    assert (bought.calls, bought.allowed, len(bought.unearned)) == (2, 1, 1)


@pytest.mark.parametrize("fault", [Fault(status=429), Fault(status=500), Fault(cut_after_bytes=100)])
def test_a_call_that_was_ordered_to_fail_may_be_made_again(fault: Fault) -> None:
    bought = counted(call(0, fault=fault), call(2), kept_at=3.1)

    assert (bought.calls, bought.allowed, list(bought.unearned)) == (2, 2, [])


def test_a_slow_answer_is_an_answer() -> None:
    assert len(counted(call(0, fault=Fault(latency_s=1)), call(2), kept_at=1.1).unearned) == 1


@pytest.mark.parametrize(
    ("who", "since", "excused"),
    [
        (WORKER, 0.5, True),  # while the vendor listened
        (WORKER, 1.5, True),  # before the words were kept
        (WORKER, 2.5, False),  # they were kept
        (OTHER, 0.5, False),  # somebody else was killed
        (WORKER, -1.0, False),  # before the call
    ],
)
def test_a_kill_excuses_the_call_of_the_killed_until_its_words_are_kept(who: str, since: float, excused: bool) -> None:
    bought = counted(call(0), call(3), wounds=(Wound(who, Kind.KILL, since, since + 0.1),), kept_at=2.0)

    assert (not bought.unearned) is excused


def test_a_kill_long_after_the_answer_excuses_nothing_even_if_the_words_were_never_kept() -> None:
    late = Wound(WORKER, Kind.KILL, 1 + KEEP_WITHIN_S + 0.1, 1 + KEEP_WITHIN_S + 0.2)

    assert len(counted(call(0), call(99), wounds=(late,)).unearned) == 1


def test_a_call_that_broke_off_before_all_was_heard_is_counted_as_failed() -> None:
    books = Books([Call(WORKER, 0.0, "", None, 0.5), call(2)])

    bought = purchases(books, {"s": "sound"}, (), {"s": 3.1})

    assert (bought.calls, bought.allowed, list(bought.unearned)) == (2, 2, [])
