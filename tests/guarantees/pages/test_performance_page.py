"""The page of figures names commands that are started by a test, and its verdicts follow from its numbers."""

import re

import pytest

from tests.guarantees.deployment.parts import ROOT
from tests.guarantees.test_measuring_commands import COMMANDS, ELSEWHERE

PAGE = (ROOT / "docs" / "performance.md").read_text()
JUDGED = [line for line in PAGE.splitlines() if re.search(r"\bbar [<>]=", line)]
_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_VERDICT = re.compile(
    rf": (?P<seen>{_NUMBER})[^,\d]*, bar (?P<sign>[<>]=) (?P<bar>{_NUMBER})[^:]*: \**"
    rf"(?P<verdict>holds|missed)\**(?: by a factor of (?P<factor>{_NUMBER}))?\b"
)
# Figures are printed with three digits: a factor is told from what was not yet rounded.
ROUNDED = 0.01


def _number(text: str) -> float:
    return float(text.replace(",", ""))


def test_every_command_on_the_page_is_started_by_a_test() -> None:
    named = set(re.findall(r"python -m ([\w.]+)", PAGE))

    assert named
    assert named - {*COMMANDS, *ELSEWHERE} == set()


def test_the_page_holds_figures_to_bars() -> None:
    assert JUDGED


@pytest.mark.parametrize("line", JUDGED)
def test_a_verdict_follows_from_its_numbers(line: str) -> None:
    said = _VERDICT.search(line)

    assert said is not None
    seen, bar = _number(said["seen"]), _number(said["bar"])
    holds = seen >= bar if said["sign"] == ">=" else seen <= bar

    assert said["verdict"] == ("holds" if holds else "missed")
    if said["factor"]:
        assert _number(said["factor"]) == pytest.approx(max(seen, bar) / min(seen, bar), rel=ROUNDED)
