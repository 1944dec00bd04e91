"""The page on words in logs names the command and the figures that exist, and the columns have a reason each."""

import re
from pathlib import Path

from proofs.no_words import canary
from proofs.no_words.search import COLUMNS_FILE, columns

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "security" / "no-words.md").read_text()


def test_the_command_exists_and_prints_every_figure_that_is_told() -> None:
    source = Path(canary.__file__ or "").read_text()

    assert "python -m proofs.no_words.canary\n" in PAGE
    for figure in ("planted", "fields", "encodings", "hits", "control_caught", "control_places"):
        assert f"`{figure}`" in PAGE
        assert f"{figure}=" in source


def test_every_column_that_may_hold_words_says_why_and_is_listed_once() -> None:
    lines = [line for line in COLUMNS_FILE.read_text().splitlines() if line and not line.startswith("#")]

    assert len(lines) == len(columns())
    assert [line for line in lines if not re.fullmatch(r"\w+\.\w+\.\w+ +\S.{10,}", line)] == []
    assert lines == sorted(lines)
