"""Every place of the public API that takes a text, read from its own description: a new field is planted by itself."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from proofs.kit.any_request import Operation

NAME, VALUE, ITEM = "{name}", "{value}", "*"
"""Steps of a path that stand for what has no name of its own: a member of a free object, and an item of a list."""
JSON_TEXT = "application/json"
_CLOSED_FORMATS = frozenset({"uuid", "date", "date-time"})

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """One text, number or id that a caller may send. `where`: path, query, header, json or form."""

    operation: str
    where: str
    path: tuple[str, ...]
    schema: Schema

    @property
    def name(self) -> str:
        """How a report calls it."""
        return f"{self.operation} {self.where} /{'/'.join(self.path)}"

    @property
    def size_max(self) -> int | None:
        """How many characters it takes."""
        found = self.schema.get("maxLength")
        return int(found) if found is not None else None

    @property
    def is_file(self) -> bool:
        """Whether it is a recording, whose name and tags hold words."""
        return self.schema.get("contentMediaType") == "application/octet-stream"

    def acting_under(self, word: str) -> str | None:
        """Return a value with the word in it that the description allows; None for ids, dates and closed lists."""
        if self.schema.get("type") != "string" or self.is_file:
            return None
        if self.schema.get("contentMediaType") == JSON_TEXT:
            return json.dumps({word: {"note": [word]}})
        # A list of media types is refused unless one of them is offered.
        if self.path[-1] == "accept":
            return f"text/{word}, */*"
        grouped = "-".join(("zz", *(word[start : start + 8] for start in range(0, len(word), 8))))
        return next((text for text in (word, f"{word}@example.org", grouped) if self._allows(text)), None)

    def _allows(self, text: str) -> bool:
        if self.schema.get("format") in _CLOSED_FORMATS or "enum" in self.schema or "const" in self.schema:
            return False
        if self.size_max is not None and len(text) > self.size_max:
            return False
        return re.search(self.schema.get("pattern", ""), text) is not None

    def put_into(self, body: Any, value: Any) -> Any:
        """Return a body with the value at this field's place; what is missing on the way is made."""
        return _put(deepcopy(body), self.path, value)


def fields_of(document: Mapping[str, Any], operation: Operation) -> list[Field]:
    """Return the fields of an operation: parameters, and every leaf of its body."""
    walk = _Walk(document)
    found = [
        Field(operation.id, parameter["in"], (parameter["name"],), walk.settled(parameter["schema"]))
        for parameter in operation.described.get("parameters", ())
    ]
    for media_type, content in operation.described.get("requestBody", {}).get("content", {}).items():
        where = "json" if media_type == JSON_TEXT else "form"
        leaves = walk.leaves(content["schema"], ())
        found += [Field(operation.id, where, path, schema) for path, schema in leaves]
    return found


class _Walk:
    """Follows a document's references."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def settled(self, schema: Schema) -> Schema:
        """Return what a schema is once it is not null."""
        if "$ref" in schema:
            found: Any = self._document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            return self.settled(found)
        choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
        return self.settled(choices[0]) if choices else schema

    def leaves(self, schema: Schema, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Schema]]:
        """Yield every leaf with its path; a free object has names and values that are anybody's text."""
        schema = self.settled(schema)
        if schema.get("type") == "array":
            yield from self.leaves(schema["items"], (*path, ITEM))
        elif schema.get("type") == "object":
            for name, member in schema.get("properties", {}).items():
                yield from self.leaves(member, (*path, name))
            if schema.get("additionalProperties", "properties" not in schema):
                yield (*path, NAME), {"type": "string"}
                yield (*path, VALUE), {"type": "string"}
        else:
            yield path, schema


def _put(body: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    step, rest = path[0], path[1:]
    if step == ITEM:
        items = body if isinstance(body, list) and body else [None]
        return [_put(items[0], rest, value), *items[1:]]
    members = dict(body) if isinstance(body, Mapping) else {}
    if step == NAME:
        return members | {str(value): "a value"}
    name = "note" if step == VALUE else step
    return members | {name: _put(members.get(name), rest, value)}
