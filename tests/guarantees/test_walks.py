"""Four pages walk one thing each through at most twelve files; this walks behind them and prints how far it was."""

import ast
import itertools
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.chat.domain.message_kind import BOUNDED, FIXED, MessageKind
from tests.guarantees.deployment.parts import ROOT, SETTINGS
from tests.guarantees.pages.arrows import TYPE_OF, Arrow

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
    """From a hop to the next one."""

    origin: Hop
    to: Hop
    arrow: Arrow


def _page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text()


def _hops(page: str) -> list[Hop]:
    return [Hop(page, int(m["number"]), ROOT / m["file"], m["symbol"], m["text"]) for m in _HOP.finditer(_page(page))]


def _steps(hops: list[Hop]) -> list[Step]:
    steps = []
    for hop, following in itertools.pairwise(hops):
        found = hop.onward
        origin = hops[int(found["origin"]) - 1] if found["origin"] else hop
        leaving, arriving = found["leaving"], found["arriving"] or found["leaving"]
        steps.append(Step(origin, following, Arrow(origin.file, following.file, following.symbol, leaving, arriving)))
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


def test_the_way_of_a_question_names_every_kind_of_message_once_and_by_what_it_gets() -> None:
    rows = re.findall(r"^\| (`.+`) \| (.+) \|$", _page("one-question"), re.MULTILINE)
    gets = {kind: said for cell, said in rows for kind in re.findall(r"`(\w+)`", cell)}

    assert sorted(re.findall(r"`(\w+)`", " ".join(cell for cell, _ in rows))) == sorted(MessageKind)
    assert {kind for kind, said in gets.items() if said.startswith("a fixed reply")} == FIXED
    assert {kind for kind, said in gets.items() if said.startswith("a boundary")} == BOUNDED


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
    assert step.arrow.leads


@pytest.mark.parametrize(
    ("origin", "to", "leaving"),
    [
        ("services/ingestion/api.py", "services/ingestion/upload/form.py: read_form", "AcceptRecording"),
        ("services/transcriber/handlers.py", "services/embedder/handlers.py: ScheduleIndexDeletion", "TranscriptReady"),
        ("libs/common/messaging/handling.py", "services/embedder/handlers.py: Search", "step.work"),
        ("services/consent/handlers.py", "services/consent/store.py: LedgerStore", "self._ledger.burn"),
        ("services/gateway/api/sessions.py", "services/transcriber/api.py: build_router", "/sessions"),
        ("services/gateway/api/consents.py", "services/consent/handlers.py: Consents", "tx.emit"),
        ("services/consent/handlers.py", "services/consent/store.py: LedgerStore", "insert into event"),
    ],
)
def test_a_way_that_the_code_does_not_go_is_found(origin: str, to: str, leaving: str) -> None:
    file, _, symbol = to.partition(": ")

    assert not Arrow(ROOT / origin, ROOT / file, symbol, leaving, leaving).leads


@pytest.mark.parametrize("hop", HOPS, ids=_hop)
def test_an_event_that_a_hop_names_is_in_its_file(hop: Hop) -> None:
    named = {word for word in re.findall(r"\w+", hop.text) if word in TYPE_OF}

    assert {name for name in named if name not in hop.source} == set()
