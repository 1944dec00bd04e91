"""The words that we do not use: each has a standard term in docs/glossary.md, which a newcomer would search for."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The old word as a pattern, and the term to use. Names in code count with their parts: `_bury`, `bury_it`.
WORDS = {
    r"bur(?:y|ies|ied|ying)": "dead-letter",
    r"condemn\w*": "dead-letter as a poison message",
    r"killers?": "poison message",
    r"suspects": "isolated entries",
    r"twins?": "concurrent duplicate",
    r"giv(?:e|es|ing)_up|gave_up|given_up": "on_failure, retries exhausted",
    r"desks?": "admin, queries, service",
    r"plumbing": "runtime",
    r"whereabouts": "location",
    r"lingering": "draining response",
    r"shel(?:f|ves)": "repository",
    r"bonds?": "consent parties",
    r"graves?|entomb\w*": "erased subjects, mark erased",
    r"leash\w*": "parent-death signal",
    r"door": "gateway, API, request pipeline",
    r"proven_objects|provenobjects": "verified store",
    r"once_by_itself": "naturally idempotent",
    r"hears_patients": "serves patients in crisis",
    r"early_answer": "streaming upload client",
    r"unheard": "not released",
    r"moods": "vendor fault scenario",
}
PATTERN = re.compile(rf"(?<![a-z])(?:{'|'.join(WORDS)})(?![a-z])", re.IGNORECASE)
# What has run is never edited, data of people are their words, and the past is told in its own.
FROZEN = re.compile(
    r"^(?:CHANGELOG\.md|services/[a-z]+/migrations/versions/|samples/|evals/|libs/contracts/golden/"
    r"|services/chat/domain/(?:crisis/\w+|words)\.py|services/chat/tests/|tests/guarantees/test_words\.py)"
)
# Names in the database that migrations gave, which a new schema would choose otherwise.
IN_THE_DATABASE = {"libs/tenancy/erased_subjects.py", "services/ingestion/erasure/store.py", "docs/one-erasure.md"}
NAMED_A_CLINIC = re.compile(
    r"\b(?:def|class|for) (\w*clinic\w*)|^ *\w*clinic\w*(?:: [^=]+)? =", re.IGNORECASE | re.MULTILINE
)
TOLD = {"told", "said"}
# Words that somebody spoke: these are said.
STATEMENTS = {"Said", "_Said"}
TEXT = (".py", ".md", ".sql", ".lua", ".yml", ".yaml", ".toml", ".json", ".txt")


@cache
def _files() -> tuple[str, ...]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    names = (name for name in listed.split("\0") if name.endswith(TEXT) and not FROZEN.match(name))
    return tuple(name for name in names if name not in IN_THE_DATABASE and (ROOT / name).is_file())


def _apart(line: str) -> str:
    """Return a line with the parts of its CamelCase names apart."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", line)


@pytest.mark.parametrize("folder", sorted({name.partition("/")[0] for name in _files()}))
def test_no_word_of_the_list_is_left(folder: str) -> None:
    left = [
        f"{name}:{number}: {found[0]}"
        for name in _files()
        if name.partition("/")[0] == folder
        for number, line in enumerate((ROOT / name).read_text().splitlines(), 1)
        for found in PATTERN.finditer(_apart(line))
    ]

    assert left == []


@pytest.mark.parametrize(
    "text", ["_bury", "bury_it", "KILLER", "the twin of", "`told` by a desk", "Plumbing", "KeyShelf"]
)
def test_a_word_of_the_list_is_found_in_a_name_and_in_a_sentence(text: str) -> None:
    assert PATTERN.search(_apart(text))


@pytest.mark.parametrize("text", ["desktop", "twine", "outdoors", "bonding", "recording"])
def test_a_word_that_only_holds_one_is_left_alone(text: str) -> None:
    assert not PATTERN.search(_apart(text))


def test_nothing_is_named_by_what_was_told_or_said_or_by_being_alone() -> None:
    named = [
        f"{name}: {found}"
        for name in _files()
        if name.endswith(".py") and name.startswith(("services/", "libs/")) and "/tests/" not in name
        for found in re.findall(r"(?:def|class) (\w*(?:told|said|alone))\b", (ROOT / name).read_text(), re.IGNORECASE)
        if found not in STATEMENTS
    ]

    assert named == []


def test_whoever_works_with_patients_is_an_organization_in_every_name() -> None:
    named = [
        f"{name}: {found}"
        for name in _files()
        if name.endswith(".py")
        for found in NAMED_A_CLINIC.findall((ROOT / name).read_text())
    ]

    assert named == []


def test_no_variable_is_what_was_told_or_said_where_nobody_speaks() -> None:
    spoken = (
        "services/chat/domain/",
        "services/embedder/",
        "libs/devstack/vendors/",
        "proofs/no_words/",
        "proofs/planted/",
    )
    named = [
        f"{name}:{node.lineno}"
        for name in _files()
        if name.endswith(".py") and "tests/" not in name and not name.startswith(spoken)
        for node in ast.walk(ast.parse((ROOT / name).read_text()))
        if isinstance(node, ast.Name | ast.arg) and (node.id if isinstance(node, ast.Name) else node.arg) in TOLD
    ]

    assert named == []
