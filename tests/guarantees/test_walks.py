"""Four pages walk one thing each through at most twelve files; this walks behind them and prints how far it was."""

import ast
import itertools
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from libs.contracts.catalogue import EVENTS
from tests.guarantees.deployment.parts import ROOT, SETTINGS, events_in, promise

HOPS_MAX = 12
# The services that a page must come through, and the facts that it must name.
THROUGH = {
    "one-upload": {"gateway", "ingestion", "transcriber", "embedder"},
    "one-question": {"gateway", "chat", "embedder"},
    "one-revocation": {"gateway", "consent", "ingestion", "transcriber", "embedder", "chat"},
    "one-erasure": {"gateway", "ingestion"},
}
FACTS = {
    "one-upload": {"recording.uploaded", "transcript.ready", "index.ready", "session.ready"},
    "one-question": set[str](),
    "one-revocation": {"consent.revoked"},
    "one-erasure": {"session.erased", "patient.erased"},
}
TYPE_OF = {event.__name__: event.type for event in EVENTS}
_HOP = re.compile(
    r"^## (?P<number>\d+)\. `(?P<file>[^`]+)`: `(?P<symbol>\w+)`\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL
)
_ONWARD = re.compile(
    r"^Onward(?: from (?P<origin>\d+))? by `(?P<leaving>[^`]+)`(?: → `(?P<arriving>[^`]+)`)?", re.MULTILINE
)


@dataclass(frozen=True)
class Hop:
    """One file of the way: what to look at in it, and the words that lead to the next."""

    page: str
    number: int
    file: Path
    symbol: str
    text: str

    @property
    def source(self) -> str:
        """The file as it is now."""
        return self.file.read_text()

    @property
    def service(self) -> str | None:
        """The service the file belongs to, if any."""
        folder = self.file.relative_to(ROOT).parts
        return folder[1] if folder[0] == "services" else None

    @property
    def onward(self) -> re.Match[str]:
        """What a file says that the next one answers to, and the earlier hop whose file it is, if not this one's."""
        found = _ONWARD.search(self.text)
        assert found is not None, f"hop {self.number} of {self.page} does not say what leads on"
        return found


@dataclass(frozen=True)
class Step:
    """From a hop to the next one: the words in the file left, and those in the file entered."""

    origin: Hop
    to: Hop
    leaving: str
    arriving: str


def _page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text()


def _hops(page: str) -> list[Hop]:
    return [Hop(page, int(m["number"]), ROOT / m["file"], m["symbol"], m["text"]) for m in _HOP.finditer(_page(page))]


def _steps(hops: list[Hop]) -> list[Step]:
    steps = []
    for hop, following in itertools.pairwise(hops):
        found = hop.onward
        origin = hops[int(found["origin"]) - 1] if found["origin"] else hop
        steps.append(Step(origin, following, found["leaving"], found["arriving"] or found["leaving"]))
    return steps


WALKS = {page: _hops(page) for page in THROUGH}
HOPS = [hop for hops in WALKS.values() for hop in hops]
STEPS = [step for hops in WALKS.values() for step in _steps(hops)]


def _defined(source: str) -> set[str]:
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)}


def _hop(hop: Hop) -> str:
    return f"{hop.page}-{hop.number}-{hop.symbol}"


def _step(step: Step) -> str:
    return _hop(step.to)


@pytest.mark.parametrize("page", THROUGH)
def test_a_way_is_short_and_no_file_comes_twice(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    hops = WALKS[page]
    files = {hop.file for hop in hops}
    branches = sum(step.origin.number != step.to.number - 1 for step in _steps(hops))
    with capsys.disabled():
        sys.stdout.write(f"\nWALK {page} hops={len(hops)} files={len(files)} branches={branches}\n")

    assert [hop.number for hop in hops] == list(range(1, len(hops) + 1))
    assert 2 < len(hops) <= HOPS_MAX
    assert len(files) == len(hops)


@pytest.mark.parametrize("page", THROUGH)
def test_a_way_goes_through_all_that_happens_and_names_the_facts(page: str) -> None:
    words = {word for hop in WALKS[page] for word in re.findall(r"\w+", hop.text)}

    assert {hop.service for hop in WALKS[page]} >= THROUGH[page]
    assert {TYPE_OF[word] for word in words if word in TYPE_OF} >= FACTS[page]


def test_the_pages_name_every_service() -> None:
    text = " ".join(map(_page, THROUGH))

    assert [service for service in SETTINGS if not re.search(rf"\b{service}\b", text)] == []


@pytest.mark.parametrize("hop", HOPS, ids=_hop)
def test_the_file_of_a_hop_defines_what_the_page_names(hop: Hop) -> None:
    assert hop.symbol in _defined(hop.source)


@pytest.mark.parametrize("hop", HOPS, ids=_hop)
def test_what_a_hop_quotes_is_in_its_file(hop: Hop) -> None:
    quoted = re.findall(r"`(\w+)\(\)`", hop.text)

    assert [name for name in quoted if name not in _defined(hop.source)] == []


@pytest.mark.parametrize("step", STEPS, ids=_step)
def test_a_hop_leads_to_the_next(step: Step) -> None:
    assert step.origin.number < step.to.number
    assert step.leaving in step.origin.source
    assert step.arriving in step.to.source


@pytest.mark.parametrize("step", STEPS, ids=_step)
def test_an_event_that_leads_on_is_emitted_here_and_consumed_there(step: Step) -> None:
    event = TYPE_OF.get(step.leaving)
    if event is None or step.arriving != step.leaving or step.origin.service is None or step.to.service is None:
        return

    assert event in events_in(promise(step.origin.service)["Emits"])
    assert event in events_in(promise(step.to.service)["Consumes"])


@pytest.mark.parametrize("hop", HOPS, ids=_hop)
def test_an_event_that_a_hop_names_is_in_its_file(hop: Hop) -> None:
    named = {word for word in re.findall(r"\w+", hop.text) if word in TYPE_OF}

    assert {name for name in named if name not in hop.source} == set()
