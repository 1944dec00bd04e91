"""Every document and every section of one that is named anywhere exists: in pages, comments, settings, error texts."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.guarantees.deployment.parts import ROOT

# A page, and what of it is meant: `page.md#anchor`, `page.md, "Section"`, `page.md section 4`.
REFERENCE = re.compile(
    r"(?<![\w/.<{*-])(?P<page>(?:[\w.-]+/)*[\w-]+\.md)\b`?"
    r"(?:#(?P<anchor>[\w-]+)|,?\s+\"(?P<section>[^\"\n]+)\"|,?\s+sections?\s+(?P<number>\d[\w.]*))?"
)
IMPLEMENTS = re.compile(r"[Ii]mplements (?P<module>[a-z_]+)\.(?P<first>[A-Z]\w+)(?P<more>(?:(?:, | and )[A-Z]\w+)*)")
PROSE = re.compile(r'"""[\s\S]*?"""|#.*')
# What looks like a name of ours: an underscore in it, or two capitals apart.
NAME = re.compile(r"`(\w*[a-z]_\w+|[A-Z][a-z]+[A-Z]\w+)`")
DECISION = re.compile(r"\bADR (\d{4})\b")
# A file of Python by its name or its path; not a placeholder (`test_<vendor>.py`) and no part of an address.
PYTHON = re.compile(r"(?<![\w/.<>{}*$-])(?:[\w.-]+/)*[\w-]+\.py\b")
# Where prose stands in a file that is neither Python nor Markdown.
COMMENT = re.compile(r"(?:#|--).*")
COMMENTED = (".sql", ".lua", ".toml", ".yaml", ".yml", ".in", "Makefile", "Dockerfile")
# A migration has run and is not edited: what it names is what there was.
RAN = re.compile(r"^services/[a-z]+/migrations/versions/")
# This file has examples of what must not be.
SKIPPED = {"tests/guarantees/test_references.py"}


@cache
def _files() -> tuple[str, ...]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    texts = (name for name in listed.split("\0") if name and not re.search(r"\.(lock|mp3|m4a|webm)$", name))
    return tuple(name for name in texts if (ROOT / name).is_file() and name not in SKIPPED)


@cache
def _headings(page: Path) -> tuple[str, ...]:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return tuple(re.findall(r"^#+ (.+?)\s*$", text, re.MULTILINE))


def _anchor(heading: str) -> str:
    """Return the heading's anchor as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _page(name: str, file: Path) -> Path | None:
    """Return the page that is meant: from the root, beside the file, or anywhere below docs by its bare name."""
    joined = [] if "/" in name else (ROOT / "docs").rglob(name)
    # What generate.py holds is written below docs/reference.
    below = [ROOT / "docs" / "reference" / name] if file.name == "generate.py" else []
    return next((place for place in (ROOT / name, file.parent / name, *below, *joined) if place.is_file()), None)


def _dangling(text: str, file: Path) -> Iterator[str]:
    for found in REFERENCE.finditer(text):
        page = _page(found["page"], file)
        if page is None or found["number"] or not _has(page, found["anchor"], found["section"]):
            yield found[0]
    for anchor in re.findall(r"\]\(#([\w-]+)\)", text):
        if not _has(file, anchor, None):
            yield f"#{anchor}"
    for number in DECISION.findall(text):
        if not list((ROOT / "docs").rglob(f"{number}-*.md")):
            yield f"ADR {number}"


def _has(page: Path, anchor: str | None, section: str | None) -> bool:
    headings = _headings(page)
    return (anchor is None or anchor in map(_anchor, headings)) and (section is None or section in headings)


@pytest.mark.parametrize("folder", sorted({name.partition("/")[0] for name in _files()}))
def test_every_document_and_section_that_is_named_exists(folder: str) -> None:
    dangling = {
        name: found
        for name in _files()
        if name.partition("/")[0] == folder and (found := list(_dangling((ROOT / name).read_text(), ROOT / name)))
    }

    assert dangling == {}


@pytest.mark.parametrize(
    "text",
    [
        "(SHARED.md section 4)",
        "see docs/security/keys.md section 2",
        'as docs/security/keys.md, "Which leaf key" says',
        "[keys](docs/security/keys.md#which-leaf-key)",
        "runbook: docs/operations/runbooks/nobody.md",
        "(ADR 9999)",
    ],
)
def test_a_reference_to_what_is_not_there_is_found(text: str) -> None:
    assert list(_dangling(text, ROOT / "README.md")) != []


def test_a_reference_to_a_section_that_is_there_is_none() -> None:
    text = 'docs/security/keys.md, "Which root key", [keys](docs/security/keys.md#which-root-key)'

    assert list(_dangling(text, ROOT / "README.md")) == []


def test_every_port_that_is_said_to_be_implemented_exists() -> None:
    missing = [
        f"{name}: {found[0]}"
        for name in _files()
        if name.endswith(".py") and name.startswith(("services/", "libs/"))
        for found in IMPLEMENTS.finditer((ROOT / name).read_text())
        if not _defines(ROOT / name, found["module"], [found["first"], *re.findall(r"[A-Z]\w+", found["more"])])
    ]

    assert missing == []


def _defines(file: Path, module: str, names: list[str]) -> bool:
    """Tell whether a module of this name, beside the file or in a room above it, has these classes."""
    rooms = [*(parent for parent in file.parents if parent.is_relative_to(ROOT) and parent != ROOT), ROOT / "libs"]
    found = [place for room in rooms for place in room.rglob(f"{module}.py")]
    return any(all(f"class {name}(" in place.read_text() for name in names) for place in found)


def test_every_name_of_code_in_a_docstring_or_comment_exists() -> None:
    texts = {name: (ROOT / name).read_text() for name in _files() if name.endswith((".py", ".sql", ".lua", ".toml"))}
    known = set[str]()
    for text in texts.values():
        known |= set(re.findall(r"[A-Za-z_]\w+", PROSE.sub("", text)))

    missing = {
        name: sorted(unknown)
        for name, text in texts.items()
        if name.startswith(("services/", "libs/")) and name.endswith(".py") and "/migrations/" not in name
        if (unknown := {found for prose in PROSE.findall(text) for found in NAME.findall(prose)} - known)
    }

    assert missing == {}


@cache
def _modules() -> frozenset[str]:
    return frozenset(name for name in _files() if name.endswith(".py"))


def _prose_of(name: str) -> list[str]:
    text = (ROOT / name).read_text()
    if name.endswith(".py"):
        return PROSE.findall(text)
    if name.endswith(".md"):
        return [text]
    return COMMENT.findall(text) if name.endswith(COMMENTED) else []


def _is_there(named: str, file: str) -> bool:
    """Tell whether a file of Python exists: from the root, from here, or by its last parts in a room that is near."""
    if named.startswith("."):
        return (ROOT / file).parent.joinpath(named).is_file()
    found = [module for module in _modules() if module == named or module.endswith(f"/{named}")]
    own = "/".join(file.split("/")[:2]) + "/"
    if not own.startswith("services/") or named in found:
        return found != []
    # A service has a store.py and a domain.py of its own: another's, a test's or an evaluation's is not meant.
    return any(module.startswith((own, "libs/", "deploy/", "proofs/", "benchmarks/")) for module in found)


@pytest.mark.parametrize("folder", sorted({name.partition("/")[0] for name in _files()}))
def test_every_file_of_python_that_prose_names_exists(folder: str) -> None:
    missing = {
        name: sorted(found)
        for name in _files()
        if name.partition("/")[0] == folder and not RAN.match(name)
        if (found := {file for text in _prose_of(name) for file in PYTHON.findall(text) if not _is_there(file, name)})
    }

    assert missing == {}


@pytest.mark.parametrize("named", ["crisis_rules.py", "crisis.py", "domain/crisis.py", "../assessing/rules.py"])
def test_a_file_of_python_that_is_elsewhere_or_nowhere_is_found(named: str) -> None:
    assert PYTHON.findall(f"like those of {named}, which") == [named]
    assert not _is_there(named, "services/chat/domain/crisis/kinds.py")
