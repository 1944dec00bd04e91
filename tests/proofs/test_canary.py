"""The proof `canary` in CI's size, and what it is made of: fields, notations, and what counts as a hit."""

from random import Random
from typing import Any

import pytest

from proofs.kit.any_request import operations
from proofs.kit.kept_bytes import Kept
from proofs.kit.line import seed
from proofs.no_words import canary
from proofs.no_words.fields import fields_of
from proofs.no_words.planting import Planted
from proofs.no_words.search import CAPABILITY, PACKED, Control, Sought, Verdict, encodings, judged
from proofs.no_words.words import Canaries, Forms, every_way, unpacked

CONTROL = Control("zqcontrolzqcontrolzq", "a-secret-of-somebody", "logs/leaky.log")
CREDENTIAL, SECRET = "0DGPm7yKq3Bf5ZxWt2Lc", "f00dfeedf00dfeedf00dfeed"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_word_of_a_person_is_in_anything_that_is_not_there_to_hold_words() -> None:
    assert canary.run(canary.ROUNDS, seed()) == 0


def _document(**properties: Any) -> dict[str, Any]:
    body = {"type": "object", "properties": properties}
    operation = {"operationId": "add", "requestBody": {"content": {"application/json": {"schema": body}}}}
    return {"paths": {"/things": {"post": operation}}}


def test_a_field_that_is_added_is_planted_and_named_until_it_is() -> None:
    document = _document(nick_name={"anyOf": [{"type": "string", "maxLength": 80}, {"type": "null"}]})
    (nick_name,) = fields_of(document, operations(document)[0])
    planted = Planted({nick_name.name: nick_name}, refused={nick_name.name})

    named = planted.missing()
    planted.taken.add(nick_name.name)

    assert nick_name.put_into({"role": "patient"}, "x") == {"role": "patient", "nick_name": "x"}
    assert named == {nick_name.name: ["field add json /nick_name is not planted: no request with it was done"]}
    assert planted.missing() == {}


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"type": "object", "properties": {"ip": {"type": "string"}}}, ("note", "ip")),
        ({"type": "array", "items": {"type": "object", "properties": {"text": {"type": "string"}}}},
         ("note", "*", "text")),
        ({"type": "object", "additionalProperties": True}, ("note", "{value}")),
    ],
)  # fmt: skip
def test_a_text_is_found_and_filled_wherever_it_stands(schema: dict[str, Any], path: tuple[str, ...]) -> None:
    document = _document(note=schema)

    field = next(one for one in fields_of(document, operations(document)[0]) if one.path == path)

    assert field.acting_under("z" * 20) == "z" * 20
    assert "z" * 20 in repr(field.put_into({}, "z" * 20))


@pytest.mark.parametrize(
    "closed",
    [{"format": "uuid"}, {"format": "date-time"}, {"enum": ["a"]}, {"pattern": "^[0-9a-f]{64}$"}, {"maxLength": 5}],
)
def test_an_id_a_date_and_a_closed_list_hold_no_word(closed: dict[str, Any]) -> None:
    document = _document(id={"type": "string"} | closed)
    (field,) = fields_of(document, operations(document)[0])

    assert field.acting_under("z" * 20) is None


def test_every_notation_is_found_in_which_a_word_may_be_written() -> None:
    words = Canaries(Random(1))
    forms = Forms.of(words.stem)

    lines = every_way(words.word("somewhere"))

    seen = {name for line in lines for name in forms.found_in(line.lower())}
    packed = {name for line in lines for inner in unpacked(line) for name in forms.found_in(inner.lower())}

    assert seen | {PACKED} == set(encodings())
    assert packed == {"utf-8"}
    assert [line for line in lines if not forms.found_in(line.lower()) and not list(unpacked(line))] == []


def _judged(kind: str, name: str, text: str) -> Verdict:
    words = Canaries(Random(2))
    text = text.replace("WORD", words.word("the place"))
    return judged([Kept(kind, name, text.encode())], Sought(words, [CREDENTIAL], [SECRET]), CONTROL)


@pytest.mark.parametrize(
    ("kind", "name", "text", "hits"),
    [
        ("service log", "gateway", "all is WORD", ["service log gateway: utf-8 of the place"]),
        ("database column", "chat.message.text", "I said WORD", []),
        ("database column", "chat.message.id", "WORD", ["database column chat.message.id: utf-8 of the place"]),
        ("service log", "gateway", f"key {CREDENTIAL}", ["service log gateway: a caller's credential"]),
        ("redis", "{chat}:s", f"x{CAPABILITY}179", []),
        ("database column", "chat.outbox.headers", f"x{CAPABILITY}179", []),
        ("span", "export 1", f"x{CAPABILITY}179", ["span export 1: a capability"]),
        ("server file", "secrets.json", SECRET, []),
        ("metrics page", "chat", SECRET, ["metrics page chat: a secret of the installation"]),
        ("service log", "gateway", CONTROL.word, []),
    ],
)
def test_what_is_found_is_judged_by_where_it_may_stand(kind: str, name: str, text: str, hits: list[str]) -> None:
    assert _judged(kind, name, text).hits == hits


def test_the_controls_word_is_caught_where_it_was_leaked() -> None:
    verdict = _judged(kind="service log", name=CONTROL.log, text=f"{CONTROL.word} {CONTROL.credential}")

    assert (verdict.caught_in, verdict.caught_as, verdict.caught_credential) == ({"service log"}, {"utf-8"}, True)
    assert _judged("service log", "logs/other.log", "nothing").caught_in == set()
