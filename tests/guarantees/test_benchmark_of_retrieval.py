"""The benchmark of the search: its peers are pinned, its answers exact, its chunks the same in every run."""

import numpy as np

from benchmarks.retrieval import corpus, peers
from benchmarks.retrieval.programs.load import measured
from benchmarks.retrieval.sizes import TINY, TOP, WATCHED


def test_the_peers_lock_has_a_hash_for_each_package_and_names_no_index() -> None:
    lines = peers.LOCK.read_text().splitlines()
    pinned = [number for number, line in enumerate(lines) if "==" in line]

    assert pinned
    assert [lines[number] for number in pinned if "--hash=sha256:" not in lines[number + 1]] == []
    assert [line for line in lines if "://" in line] == []
    assert all(name in peers.versions() for name in peers.WANTED)


def test_the_chunks_are_the_same_in_every_run_and_the_watched_patients_are_among_them() -> None:
    one, again = corpus.made(TINY), corpus.made(TINY)

    assert np.array_equal(one.vectors, again.vectors)
    assert one.patients == again.patients
    assert [int((one.owners == patient).sum()) for patient in range(len(WATCHED))] == list(WATCHED)


def test_an_answer_is_the_nearest_of_the_patient_alone() -> None:
    made = corpus.made(TINY)

    for number in range(5):
        own = np.flatnonzero(made.owners == made.asked_of[number])
        nearest = own[np.argsort(-(made.vectors[own] @ made.questions[number]))[:TOP]]
        assert made.answers[number] == nearest.tolist()


async def test_recall_counts_what_was_found_and_who_found_too_little() -> None:
    answers = [[1, 2], [3, 4]]

    async def ask(number: int) -> list[int]:
        return [[2, 9], [3]][number]

    told = await measured(ask, answers, (1, 3), 0.01)

    assert (told["recall"], told["too_few"]) == (0.5, 0.5)
    assert set(told["loads"]) == {"1", "3"}
    assert all(load["rate"] > 0 for load in told["loads"].values())
