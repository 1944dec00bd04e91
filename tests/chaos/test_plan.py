"""The deck is the same for the same seed, hits everything, and holds what the promise speaks of."""

import random
from pathlib import Path

import pytest

from libs.devstack.stack import StackOptions
from tests.chaos.aftermath import Violations
from tests.chaos.plan import CI, REPLICAS, SERVERS, SIZES, SOAK, Kind, Size, deck, seed_of, size_of
from tests.chaos.run import FAULTS_MIN, FLUSHALL_MIN, SESSIONS_MIN

PROCESSES = list(StackOptions(split=True, replicas=REPLICAS).modes())


def test_a_seed_repeats_its_faults_in_their_order_and_another_seed_does_not() -> None:
    first, again, other = (deck(CI, PROCESSES, random.Random(seed)) for seed in (7, 7, 8))

    assert first == again
    assert first != other


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_every_process_and_every_server_is_killed_and_every_worker_is_stopped(size: Size) -> None:
    thrown = {(blow.kind, blow.target) for blow in deck(size, PROCESSES, random.Random(1))}

    assert {(Kind.KILL, name) for name in PROCESSES} <= thrown
    assert {(Kind.KILL_SERVER, name) for name in SERVERS} <= thrown
    assert {(Kind.STOP, name) for name in PROCESSES if "-work" in name} <= thrown


def test_the_small_run_holds_what_the_promise_speaks_of_and_the_long_one_more() -> None:
    small, long = (deck(size, PROCESSES, random.Random(1)) for size in (CI, SOAK))

    assert CI.sessions >= SESSIONS_MIN
    assert len(small) >= FAULTS_MIN
    assert sum(1 for blow in small if blow.kind is Kind.FLUSHALL) >= FLUSHALL_MIN
    assert len(long) >= 10 * len(small)


def test_the_page_about_it_names_every_fault_and_says_the_numbers() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations" / "chaos.md").read_text()

    assert [kind for kind in Kind if f"`{kind}`" not in page] == []
    assert [name for name in vars(Violations()) if f"`{name}`" not in page] == []
    assert f"about every {CI.pace_s} s" in page
    assert f"at least {SESSIONS_MIN} sessions, {FAULTS_MIN} faults and {FLUSHALL_MIN} FLUSHALLs" in page


def test_size_and_seed_come_from_the_environment() -> None:
    assert (size_of({}), size_of({"SIZE": "soak"})) == (CI, SOAK)
    assert seed_of({"SEED": "42"}) == 42
    assert seed_of({}) != seed_of({})
