"""What pages say of `therapyrag`: what they name exists, with its options, and each command of operators is named."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from libs.ops.events.answers import ANSWERS
from libs.ops.events.dry_run import ReplayDecision
from libs.ops.main import app
from tests.guarantees.deployment.parts import ROOT, SETTINGS, events_in, promise

PAGE = (ROOT / "docs" / "operations" / "operators.md").read_text()
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
# These speak to the gateway with an organization's key, and need none of the operators' addresses.
FOR_INTEGRATORS = {
    "sessions hold-back",
    "sessions release",
    "bootstrap",
    "users",
    "consent",
    "upload",
    "transcript",
    "chat",
    "audit",
    "status",
    "sessions list",
    "sessions show",
}
_LINE = re.compile(r"(?<![\w/])therapyrag(?: --json)?((?: [a-z][a-z-]*)+)([^`#\n|]*)")


def _commands() -> dict[str, set[str]]:
    """Every command, by its words, with its options."""
    root = typer.main.get_command(app)
    found: dict[str, set[str]] = {}
    for name, command in root.commands.items():  # type: ignore[attr-defined]  # a group
        verbs = getattr(command, "commands", None)
        for words, one in (
            {f"{name} {verb}": each for verb, each in verbs.items()} if verbs else {name: command}
        ).items():
            found[words] = {option for parameter in one.params for option in parameter.opts}
    return found


COMMANDS = _commands()


def _named(page: Path) -> Iterator[tuple[str, set[str]]]:
    for words, rest in _LINE.findall(page.read_text()):
        options = set(re.findall(r"--[a-z-]+", rest))
        said = words.split()
        command = next((" ".join(said[:n]) for n in (2, 1) if " ".join(said[:n]) in COMMANDS), " ".join(said[:2]))
        yield command, options


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_a_page_names_exists_with_its_options(page: Path) -> None:
    wrong = [
        (command, sorted(options - COMMANDS.get(command, set())))
        for command, options in _named(page)
        if command not in COMMANDS or options - COMMANDS[command]
    ]

    assert wrong == []


def test_the_operators_page_has_every_command_of_theirs_and_a_sample_of_what_it_prints() -> None:
    headings = re.findall(r"^## therapyrag (.+)$", PAGE, re.MULTILINE)
    sections = dict(zip(headings, re.split(r"^## therapyrag .+$", PAGE, flags=re.MULTILINE)[1:], strict=True))
    theirs = {name for name in COMMANDS if name not in FOR_INTEGRATORS and name.split()[0] not in FOR_INTEGRATORS}

    assert set(headings) == theirs
    assert [name for name, text in sections.items() if f"$ therapyrag {name}" not in text] == []


def test_the_page_explains_every_fate_of_a_replayed_event() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (yes|no|only anew) \|", PAGE, re.MULTILINE))

    assert set(rows) == {fate.value for fate in ReplayDecision}
    assert {name for name, sent in rows.items() if sent == "yes"} == {
        fate.value for fate in ReplayDecision if fate.is_sent
    }


@pytest.mark.parametrize("service", SETTINGS)
def test_the_tools_know_which_group_answers_which_event(service: str) -> None:
    assert set(ANSWERS.get(service, ())) == events_in(promise(service)["Consumes"])


def test_the_tools_look_at_the_archive_of_every_service() -> None:
    sql = (ROOT / "deploy" / "postgres" / "ops.sql").read_text()
    (listed,) = re.findall(r"foreach s in array array\[(.+)\] loop", sql)

    assert {name.strip("'") for name in listed.split(",")} == set(SETTINGS)


def test_whatever_changes_something_is_a_plan_until_it_is_executed_and_says_who() -> None:
    acting = {
        "events replay",
        "events rebuild",
        "events pause",
        "events resume",
        "entries remove",
        "entries dead-letter",
        "dlq redrive",
        "dlq drop",
        "index rebuild",
    }

    assert {name for name, options in COMMANDS.items() if "--execute" in options} == acting
    assert all("--as" in COMMANDS[name] for name in acting)
    assert all("--json" in options for options in COMMANDS.values())
