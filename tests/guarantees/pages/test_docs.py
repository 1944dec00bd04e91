"""What the documents say exists: files, commands, decisions, dependencies, and what each service does."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from libs.contracts.services import SERVICES
from tests.guarantees.deployment.parts import ROOT, SETTINGS, peers_asked, promise

SKIPPED = {".venv", ".devstack", ".git", "node_modules", ".pytest_cache"}
# Places whose paths we promise to keep true when a document names one.
OURS = ("services/", "libs/", "tests/", "deploy/", "docs/", "samples/", "benchmarks/", "evals/", ".ci/")
PAGES = sorted(
    page
    for page in ROOT.rglob("*.md")
    if not SKIPPED & set(page.relative_to(ROOT).parts) and ".egg-info" not in str(page)
)


# How Asks calls what a file of vendors/ reaches.
VENDORS = r"\b(?:models?|Claude|OpenAI|Deepgram)\b"
# What a service promises, in the order of the table's columns.
PROMISE = ("Owns", "Consumes", "Emits", "Asks")


def _plain(text: str) -> str:
    """The text without marks of code, remarks in parentheses and the last period: as page and docstring share it."""
    return re.sub(r"`| \([^)]*\)", "", text).strip().rstrip(".")


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _prose(page: Path) -> str:
    """The page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", _prose(page))
    relative = [link.partition("#")[0] for link in links if not re.match(r"[a-z]+:", link) and not link.startswith("#")]

    assert [link for link in relative if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_path_in_a_page_exists(page: Path) -> None:
    quoted = [word for word in re.findall(r"`([^`\s]+)`", _prose(page)) if word.startswith(OURS)]
    certain = [word for word in quoted if not re.search(r"[<>{}*]", word)]

    assert [word for word in certain if not (ROOT / word.partition(":")[0]).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_make_command_in_a_page_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"`make ([a-z0-9-]+)", page.read_text()) + re.findall(
        r"^(?:\$ )?(?:\w+=\w+ )*make ([a-z0-9-]+)", page.read_text(), re.MULTILINE
    )

    assert set(named) - targets == set()


def test_the_page_of_dependencies_names_each_of_them() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    models = [line for line in (ROOT / "requirements-models.in").read_text().splitlines() if not line.startswith("#")]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    needed = {re.split(r"[\[<>=!~; ]", line)[0] for line in (*lines, *models)}
    page = (ROOT / "docs" / "adr" / "0002-dependencies.md").read_text()

    assert {name for name in needed if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", page)} == set()


def test_every_decision_is_in_the_list_of_decisions() -> None:
    folder = ROOT / "docs" / "adr"
    listed = set(re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text()))

    assert listed == {page.name for page in folder.glob("[0-9]*.md")}


def test_a_decision_is_headed_by_its_number_and_says_since_when_it_holds() -> None:
    pages = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    opening = r"# {}: [^\n]+\n\nStatus: (?:in force|replaced by \[\d{{4}}\]\([\w-]+\.md\)) since \d{{4}}-\d\d\.\n"

    assert [page.name for page in pages if not re.match(opening.format(page.name[:4]), page.read_text())] == []


@pytest.mark.parametrize("service", SETTINGS)
def test_the_table_of_services_says_what_each_service_says_itself(service: str) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    (row,) = re.findall(rf"^\| \[{service}\]\(.*\|$", page, re.MULTILINE)
    _, _, *columns, _ = row.split("|")
    said = promise(service)

    assert [_plain(column) for column in columns] == [_plain(said[word]) for word in PROMISE]


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_has_the_files_that_the_page_says_it_has(service: str) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    (always,) = re.findall(r"^Every service folder has (.*)$", page, re.MULTILINE)
    (but,) = re.findall(r"^All have `ports.py` but the (\w+),", page, re.MULTILINE)
    has = {path.stem for path in (ROOT / "services" / service).iterdir()}

    assert {name.removesuffix(".py") for name in re.findall(r"`([^`]+)`", always)} - has == set()
    assert ("ports" in has) == (service != but)
    assert ("clients" in has) == (peers_asked(service) != set())
    assert ("vendors" in has) == (re.search(VENDORS, promise(service)["Asks"]) is not None)


def test_every_folder_of_a_service_is_in_the_list_of_services() -> None:
    assert {path.parent.name for path in (ROOT / "services").glob("*/__init__.py")} == set(SERVICES)


def test_the_picture_shows_every_service() -> None:
    picture = re.search(r"```mermaid\n(.*?)```", (ROOT / "docs" / "architecture.md").read_text(), re.DOTALL)

    assert picture is not None
    assert [service for service in SETTINGS if not re.search(rf"\b{service}\b", picture[1])] == []


def test_make_refuses_the_versions_of_python_that_the_package_does() -> None:
    given = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    lowest, below = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", given).groups()  # type: ignore[union-attr]
    (check,) = re.findall(r"\$\(PYTHON\) -c '(import sys;.*)'", (ROOT / "Makefile").read_text())

    said = {
        minor: subprocess.run(
            [sys.executable, "-c", f"import sys; sys.version_info = (3, {minor}, 0); {check}"],
            capture_output=True, text=True, check=False,
        ).stderr
        for minor in (int(lowest) - 1, int(lowest), int(below) - 1, int(below))
    }  # fmt: skip

    assert [minor for minor, text in said.items() if not text] == [int(lowest), int(below) - 1]
    assert f"Python 3.{below} is not supported" in said[int(below)]
