"""Events as they were first sent stay readable: each has a golden file, and none carries words."""

import ast
import json
from pathlib import Path
from typing import Any, get_args

import pytest

from libs.common.events import Event
from libs.contracts.catalogue import CATALOGUE, EVENTS
from tests.guarantees.deployment.parts import ROOT, SETTINGS

GOLDEN = Path(__file__).parents[2] / "libs" / "contracts" / "golden"
# Text fields that hold a word of ours (a code, a hash, a media type), never a person's.
CODED_TEXT = {"reason", "status", "media_type", "content_sha256", "language", "model", "level", "kind", "api_key_id"}


def _golden(event: type[Event]) -> dict[str, Any]:
    path = GOLDEN / f"{event.type}.v{event.version}.json"
    document: dict[str, Any] = json.loads(path.read_text())
    return document


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_the_golden_event_is_read_and_written_back_the_same(event: type[Event]) -> None:
    golden = _golden(event)

    assert event.model_validate(golden["payload"]).payload() == golden["payload"]
    assert golden["topic"] == event.topic


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_an_event_has_no_field_that_could_hold_words(event: type[Event]) -> None:
    texts = {
        name
        for name, field in event.model_fields.items()
        if field.annotation is str or str in get_args(field.annotation)
    }

    assert texts <= CODED_TEXT


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_an_unknown_field_is_refused(event: type[Event]) -> None:
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        event.model_validate(_golden(event)["payload"] | {"words": "x"})


def test_every_golden_file_belongs_to_an_event_that_exists() -> None:
    names = {f"{event.type}.v{event.version}.json" for event in CATALOGUE}

    assert {path.name for path in GOLDEN.glob("*.json")} == names


@pytest.mark.parametrize("service", SETTINGS)
def test_what_a_service_answers_is_a_table_right_below_where_it_is_built(service: str) -> None:
    tree = ast.parse((ROOT / "services" / service / "wiring.py").read_text())
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]

    assert functions[functions.index("build") + 1] == "subscriptions"
