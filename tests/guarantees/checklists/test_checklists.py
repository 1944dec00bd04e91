"""The lists of CONTRIBUTING.md, followed in a copy of the repository: what they leave out makes a check fail."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.guarantees.checklists import new_event, new_service
from tests.guarantees.checklists.scratch import Scratch, files_of, steps_of
from tests.guarantees.deployment.parts import ROOT

EVENT_TESTS = (
    "test_events",
    "pages/test_docs",
    "pages/test_promises",
    "deployment/test_kubernetes",
    "pages/test_operators_page",
    "test_generated_pages",
)
SERVICE_TESTS = (
    *EVENT_TESTS,
    "deployment/test_deploy",
    "deployment/test_deploy_steps",
    "test_catalogue",
    "deployment/test_alerts",
    "inside/test_demands",
)


def _followed(folder: Path, files: Mapping[str, str], edits: Mapping[str, Sequence[tuple[str, str]]]) -> Scratch:
    scratch = Scratch(folder)
    for name, text in files.items():
        scratch.write(name, text)
    for name, changes in edits.items():
        scratch.edit(name, *changes)
    return scratch


def _tests(names: Sequence[str]) -> list[str]:
    return [f"tests/guarantees/{name}.py" for name in names]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_list_for_a_new_event_names_every_place_and_its_checks_pass(tmp_path: Path) -> None:
    names = {"subject": "reminder", "type": "reminder.due", "producer": "chat", "consumer": "embedder"}

    scratch = _followed(tmp_path, new_event.FILES, new_event.EDITS)

    assert set(scratch.touched) == files_of(steps_of("A new event"), names)
    assert scratch.judged("libs/contracts", *_tests(EVENT_TESTS)) == []


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_list_for_a_new_service_names_every_place_and_its_checks_pass(tmp_path: Path) -> None:
    steps = steps_of("A new service")
    outside = re.search(r"^Where callers .*$", steps, re.MULTILINE)
    assert outside is not None

    scratch = _followed(tmp_path, new_service.FILES, new_service.EDITS)
    # `make lock` would resolve it, with a registry; what the locks hold is all the same to these checks.
    scratch.write("deploy/locks/reminder.lock", (ROOT / "deploy" / "locks" / "chat.lock").read_text())

    assert set(scratch.touched) == files_of(steps.replace(outside[0], ""), {"name": "reminder", "what": "notes"})
    assert scratch.judged("services/reminder", *_tests(SERVICE_TESTS)) == []
