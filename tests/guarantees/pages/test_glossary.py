"""docs/glossary.md: each word has one meaning, and what it names of the code is there."""

import re

from tests.guarantees.deployment.parts import ROOT

PAGE = (ROOT / "docs" / "glossary.md").read_text()
ROWS = re.findall(r"^\| \*\*(.+?)\*\* \| (.+?) \| (.+?) \|$", PAGE, re.MULTILINE)
# Everyday words, and those that the same line says enough about.
EXPLAINED_WHERE_THEY_STAND = {"failed", "fact", "revocation", "role", "score", "transaction"}
CODE = "".join(
    path.read_text()
    for room in ("libs", "services", "deploy")
    for path in (ROOT / room).rglob("*")
    if path.suffix in (".py", ".sql") and "tests" not in path.parts
)


def test_each_word_is_explained_once() -> None:
    words = [word for word, _, _ in ROWS]

    assert len(words) == PAGE.count("\n| **") > 0
    assert sorted(set(words)) == sorted(words)


def test_what_a_word_is_not_to_be_confused_with_is_explained_as_well() -> None:
    words = {word for word, _, _ in ROWS}
    confused = {name for _, _, other in ROWS for name in re.findall(r"(?<!\*)\*([a-z ]+)\*(?!\*)", other)}

    assert confused - words == EXPLAINED_WHERE_THEY_STAND


def test_every_name_of_code_that_is_given_for_a_word_is_in_the_code() -> None:
    names = {name for _, meaning, other in ROWS for name in re.findall(r"`([^`]+)`", f"{meaning} {other}")}

    assert names
    assert [name for name in names if name not in CODE] == []
