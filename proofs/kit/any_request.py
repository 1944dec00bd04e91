"""Requests to any operation of an OpenAPI document, with the ids of whomever one likes in every position."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proofs.kit.organizations import recording

METHODS = ("get", "post", "patch", "put", "delete")
JSON, FORM = "application/json", "multipart/form-data"
UNKNOWN = "01a20000-0000-7000-8000-000000000000"
_KINDS = {"witnessed_by": "therapist_id"}


@dataclass(frozen=True)
class Operation:
    """One line of the document."""

    method: str
    path: str
    described: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Its name."""
        return str(self.described["operationId"])


@dataclass
class Drawn:
    """A request anybody can send; `positions` counts where an id stands, `foreign` how many are somebody else's."""

    operation: Operation
    path: str
    params: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    json: Any = None
    form: dict[str, str] | None = None
    file: tuple[str, bytes] | None = None
    foreign: int = 0
    positions: int = 0

    def parts(self) -> dict[str, Any]:
        """Return what httpx takes."""
        if self.form is not None:
            return {"params": self.params, "data": self.form, "files": {"file": self.file or ("a.wav", recording())}}
        return {"params": self.params, **({"json": self.json} if self.json is not None else {})}


def operations(document: Mapping[str, Any]) -> list[Operation]:
    """Return every operation there is."""
    return [
        Operation(method, path, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
        if method in METHODS
    ]


class Drawer:
    """Fills the positions of an operation: bit n of `mask` decides whether position n holds somebody else's id."""

    def __init__(self, own: Mapping[str, Sequence[str]], foreign: Mapping[str, Sequence[str]], word: str) -> None:
        self._own = own
        self._foreign = foreign
        self._word = word

    def draw(self, operation: Operation, mask: int, pick: int) -> Drawn:
        """Return the request; `pick` chooses among the ids of a kind."""
        drawn = Drawn(operation, operation.path)
        fill = _Filler(self, drawn, mask, pick)
        for parameter in operation.described.get("parameters", []):
            name, where, schema = parameter["name"], parameter["in"], str(parameter["schema"])
            if where == "path":
                drawn.path = drawn.path.replace(f"{{{name}}}", fill.id(name))
            elif where == "query" and "uuid" in schema:
                drawn.params[name] = fill.id(name)
            elif where == "query" and "examples" in parameter["schema"]:
                drawn.params[name] = parameter["schema"]["examples"][0]
            elif name == "if-match":
                drawn.headers[name] = self.one(name, pick, foreign=False)
        content = operation.described.get("requestBody", {}).get("content", {})
        if FORM in content:
            drawn.form = {"session_date": "2026-09-08T15:00:00Z", "metadata": f'{{"note": "{self._word}"}}'}
            drawn.form |= {name: fill.id(name) for name in ("patient_id", "therapist_id")}
        elif JSON in content:
            drawn.json = fill.body(content[JSON].get("example", {}))
        return drawn

    def one(self, kind: str, pick: int, *, foreign: bool) -> str:
        """Return an id of that kind, one that nobody has when there is none."""
        known = (self._foreign if foreign else self._own).get(_KINDS.get(kind, kind), ())
        return known[pick % len(known)] if known else UNKNOWN

    @property
    def word(self) -> str:
        """What stands in every text that is sent."""
        return self._word


class _Filler:
    def __init__(self, drawer: Drawer, drawn: Drawn, mask: int, pick: int) -> None:
        self._drawer, self._drawn, self._mask, self._pick = drawer, drawn, mask, pick

    def id(self, kind: str) -> str:
        foreign = bool(self._mask >> self._drawn.positions & 1)
        self._drawn.positions += 1
        self._drawn.foreign += foreign
        return self._drawer.one(kind, self._pick, foreign=foreign)

    def body(self, example: Any, name: str = "") -> Any:
        """Return the example with ids of the drawn kind, and the sender's own word in its texts."""
        if isinstance(example, dict):
            return {key: self.body(value, key) for key, value in example.items()}
        if isinstance(example, list):
            return [self.body(value, name) for value in example]
        if name.endswith("_id") and name != "external_id":
            return self.id(name)
        if name == "email":
            return f"{self._drawer.word}{self._pick}@example.org"
        if name in ("name", "external_id", "document", "message", "text", "reason", "user_agent"):
            return f"{example} {self._drawer.word}{self._pick if name == 'external_id' else ''}"
        return example
