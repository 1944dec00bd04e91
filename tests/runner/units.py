"""In which order the files of tests are taken, and how each is counted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pytest

ALONE = "alone"
# The longest, first: whatever is long and starts late keeps one core idle at the end.
LONGEST = ("tests/proofs/test_mutants.py", "tests/chaos/test_chaos.py")
# Each runs several processes, last: they keep the core busy that a worker with nothing left would leave idle, and what
# waits more than it computes runs beside the planted defects, which compute.
IN_SEVERAL_PROCESSES = (
    "libs/common/messaging/tests/crash/test_crash_points.py",
    "tests/proofs/test_api.py",
)
QUICK = (
    "tests/guarantees/test_house.py",
    "tests/guarantees/test_rooms.py",
    "tests/guarantees/test_events.py",
    "libs/contracts",
    "services/*/tests/test_domain.py",
    "services/*/tests/test_handlers.py",
    "services/*/tests/test_store.py",
    "services/*/tests/test_api.py",
    "services/chat/tests/test_c*.py",
    "services/gateway/tests/test_access.py",
    "services/gateway/tests/test_keys.py",
    "services/ingestion/tests/test_sessions.py",
)
"""What `make quick` runs: rules, handlers, stores, the services' own routes, and the rules of the house."""
BY_FILE = ("tests/chaos", "tests/e2e", "tests/proofs")
"""Folders whose files are stages of their own; elsewhere the folder is the stage."""


@dataclass(frozen=True)
class Unit:
    """The tests of one file, which one worker runs one after the other. `alone` ones run with nothing beside them."""

    file: str
    alone: bool
    items: Sequence[pytest.Item]

    @property
    def name(self) -> str:
        """What says which unit it is, in all workers."""
        return f"{self.file}, alone" if self.alone else self.file


def units(items: Iterable[pytest.Item]) -> list[Unit]:
    """Split what was collected into units, in the order in which they are to be taken."""
    found: dict[tuple[str, bool], list[pytest.Item]] = {}
    for item in items:
        key = (item.nodeid.partition("::")[0], item.get_closest_marker(ALONE) is not None)
        found.setdefault(key, []).append(item)
    every = [Unit(file, alone, tests) for (file, alone), tests in found.items()]
    return sorted(every, key=lambda unit: (unit.alone, _rank(unit.file)))


def stage(file: str) -> str:
    """Return which line of the table a file is counted in."""
    folder = file.rpartition("/")[0]
    return file if folder in BY_FILE else folder or file


def _rank(file: str) -> int:
    order = (*LONGEST, "", *IN_SEVERAL_PROCESSES)
    return order.index(file if file in order else "")
