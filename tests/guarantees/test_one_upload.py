"""docs/one-upload.md walks one upload through at most twelve files; this walks behind it."""

import ast
import itertools
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from libs.contracts.catalogue import EVENTS
from tests.guarantees.deployment.parts import ROOT, SETTINGS, events_in, promise

PAGE = (ROOT / "docs" / "one-upload.md").read_text()
HOPS_MAX = 12
TYPE_OF = {event.__name__: event.type for event in EVENTS}
_HOP = re.compile(
    r"^## (?P<number>\d+)\. `(?P<file>[^`]+)`: `(?P<symbol>\w+)`\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL
)
_ONWARD = re.compile(r"^Onward by `(?P<leaving>[^`]+)`(?: → `(?P<arriving>[^`]+)`)?", re.MULTILINE)


@dataclass(frozen=True)
class Hop:
    """One file of the way: what to look at in it, and the words that lead to the next."""

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
    def onward(self) -> tuple[str, str]:
        """What this file says that the next one answers to, as found in this file and in the next."""
        found = _ONWARD.search(self.text)
        assert found is not None, f"hop {self.number} does not say what leads on"
        return found["leaving"], found["arriving"] or found["leaving"]


HOPS = [Hop(int(m["number"]), ROOT / m["file"], m["symbol"], m["text"]) for m in _HOP.finditer(PAGE)]
STEPS = list(itertools.pairwise(HOPS))


def _defined(source: str) -> set[str]:
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)}


def _hop(hop: Hop) -> str:
    return f"{hop.number}-{hop.symbol}"


def test_the_way_is_short_and_no_file_comes_twice() -> None:
    assert [hop.number for hop in HOPS] == list(range(1, len(HOPS) + 1))
    assert 2 < len(HOPS) <= HOPS_MAX
    assert len({hop.file for hop in HOPS}) == len(HOPS)


def test_the_way_goes_through_all_that_happens_to_an_upload() -> None:
    services = {hop.service for hop in HOPS}

    assert {"gateway", "ingestion", "transcriber", "embedder", "chat"} <= services
    # Consent is asked from three of these hops and entered by none: the page says where.
    assert all(re.search(rf"\b{service}\b", PAGE) for service in SETTINGS)


@pytest.mark.parametrize("hop", HOPS, ids=_hop)
def test_the_file_of_a_hop_defines_what_the_page_names(hop: Hop) -> None:
    assert hop.symbol in _defined(hop.source)


@pytest.mark.parametrize("hop", HOPS, ids=_hop)
def test_what_a_hop_quotes_is_in_its_file(hop: Hop) -> None:
    quoted = re.findall(r"`(\w+)\(\)`", hop.text)

    assert [name for name in quoted if name not in _defined(hop.source)] == []


@pytest.mark.parametrize(("hop", "following"), STEPS, ids=[_hop(hop) for hop, _ in STEPS])
def test_a_hop_leads_to_the_next(hop: Hop, following: Hop) -> None:
    leaving, arriving = hop.onward

    assert leaving in hop.source
    assert arriving in following.source


@pytest.mark.parametrize(("hop", "following"), STEPS, ids=[_hop(hop) for hop, _ in STEPS])
def test_an_event_that_leads_on_is_emitted_here_and_consumed_there(hop: Hop, following: Hop) -> None:
    leaving, arriving = hop.onward
    event = TYPE_OF.get(leaving)
    if event is None or arriving != leaving or hop.service is None or following.service is None:
        return

    assert event in events_in(promise(hop.service)["Emits"])
    assert event in events_in(promise(following.service)["Consumes"])


@pytest.mark.parametrize("hop", HOPS, ids=_hop)
def test_an_event_that_a_hop_names_is_in_its_file(hop: Hop) -> None:
    named = {word for word in re.findall(r"\w+", hop.text) if word in TYPE_OF}

    assert {name for name in named if name not in hop.source} == set()


def test_the_events_of_the_way_are_named() -> None:
    named = {TYPE_OF[word] for hop in HOPS for word in re.findall(r"\w+", hop.text) if word in TYPE_OF}

    assert {"recording.uploaded", "transcript.ready", "index.ready", "session.ready"} <= named
