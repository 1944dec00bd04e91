"""Plants a word in every field of every operation: once in a request that is done, once in one that is refused."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from proofs.kit.any_request import UNKNOWN, Drawn, Operation
from proofs.kit.organizations import recording
from proofs.kit.rightful import Rightful, learn
from proofs.no_words.fields import Field, fields_of
from proofs.no_words.system import UNKNOWN_NAME, RequestSender
from proofs.no_words.words import Canaries

NEVER_TAKEN: Mapping[str, str] = {
    "cursor": "made by the system; any other text is refused",
    "time_zone": "a name of the IANA list; any other text is refused",
    "if-match": "compared with a version; any other text is refused",
}
"""Fields whose description allows a word, though no request with one in it is ever done: each is held to that."""
ANY_WORD = "z" * 20
BODY_BYTES_TOO_MANY = 600 * 1024
_OK = range(200, 300)
_REFUSED = range(400, 500)
_NO_SCOPE = "webhooks:manage"


@dataclass
class Planted:
    """Which fields held a word in a request that was done, and in one that was refused."""

    fields: dict[str, Field] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)

    def missing(self) -> dict[str, list[str]]:
        """Return the fields that were not planted as they could be, each with what is missing."""
        found = {name: list(self._missing(name, one)) for name, one in self.fields.items()}
        return {name: lines for name, lines in found.items() if lines}

    def _missing(self, name: str, one: Field) -> Iterator[str]:
        never = NEVER_TAKEN.get(one.path[-1])
        if never and name in self.taken:
            yield f"field {name} takes words after all, though it is {never}"
        elif not never and name not in self.taken and (one.is_file or one.acting_under(ANY_WORD) is not None):
            yield f"field {name} is not planted: no request with it was done"
        if name not in self.refused:
            yield f"field {name} is not planted: no request with it was refused"


class Planter:
    """One organization's requests, with words in them."""

    def __init__(self, planted: Planted, sender: RequestSender, rightful: Rightful, words: Canaries) -> None:
        self._planted = planted
        self._sender = sender
        self._rightful = rightful
        self._words = words

    async def plant(self, document: Mapping[str, Any], operation: Operation) -> None:
        """Plant all fields of one operation."""
        fields = fields_of(document, operation)
        self._planted.fields.update({one.name: one for one in fields})
        await self._accepted(operation, [one for one in fields if one.path[-1] not in NEVER_TAKEN])
        await asyncio.gather(*(self._refused_for(operation, one) for one in fields))
        await self._refused_whole(operation, fields)

    async def _accepted(self, operation: Operation, fields: Sequence[Field]) -> None:
        """Send all fields at once; if that is refused, each by itself, so that only what cannot be sent is missing."""
        able = [one for one in fields if self._value(one) is not None]
        if not await self._done_with(operation, able):
            for one in able:
                await self._done_with(operation, [one])

    async def _done_with(self, operation: Operation, fields: Sequence[Field]) -> bool:
        drawn = self._filled(await self._rightful.prepared(operation), fields)
        answer = await self._sender.send(drawn, self._rightful.credential(operation))
        if answer.status_code not in _OK:
            return False
        learn(self._rightful.organization, operation.id, answer)
        self._planted.taken.update(one.name for one in fields)
        self._planted.answered.add(operation.id)
        return True

    async def _refused_for(self, operation: Operation, one: Field) -> None:
        """Make the request wrong in this field alone, by what is sent in it."""
        word = self._words.word(one.name)
        value: Any = word
        if one.is_file:
            value = (f"{word}.exe", recording(word))
        elif one.path[-1] not in NEVER_TAKEN and self._value(one) is not None:
            long = word + "x" * (one.size_max or 0)
            value = long if one.size_max or one.where != "json" else [word]
        instead = {one.path[0]: word} if one.where == "path" else {}
        drawn = _put(self._rightful.drawn(operation, **instead), one, value)
        answer = await self._sender.send(drawn, self._rightful.credential(operation))
        self._count([one], answer)
        if answer.status_code in _OK and one.path[-1] in NEVER_TAKEN:
            self._planted.taken.add(one.name)

    async def _refused_whole(self, operation: Operation, fields: Sequence[Field]) -> None:
        """Make the request wrong as a whole, with words in all fields that can hold one."""
        own, organization = self._rightful.credential(operation), self._rightful.organization
        able = [one for one in fields if self._value(one) is not None]
        unknown = {one.path[0]: UNKNOWN for one in fields if one.where == "path"}
        for credential, instead in (("", {}), (organization.credentials[_NO_SCOPE], {}), (own, unknown)):
            if credential == own and not unknown:
                continue
            drawn = self._filled(self._rightful.drawn(operation, **instead), able)
            self._count(able, await self._sender.send(drawn, credential))
        drawn = self._filled(self._rightful.drawn(operation), able)
        strange = replace(drawn, params=drawn.params | self._stranger(operation, "parameter"))
        if drawn.json is not None:
            strange = replace(drawn, json=dict(drawn.json) | self._stranger(operation, "member"))
        if drawn.form is not None:
            strange = replace(drawn, form=drawn.form | self._stranger(operation, "form field"))
        self._count(able, await self._sender.send(strange, own))
        if drawn.json is not None:
            await self._no_json(operation, drawn)
            await asyncio.gather(*(self._odd(operation, one) for one in able if one.where == "json"))

    async def _no_json(self, operation: Operation, drawn: Drawn) -> None:
        """Send what is not what it says: cut off, of another kind, too large."""
        word = self._words.word(f"{operation.id}, no JSON")
        text = json.dumps(drawn.json)
        bodies = (
            (text[:-3], "application/json"),
            (f'["{word}", "\\u0000{word}", "\\ud800{word}"]', "application/json"),
            (f"{word}=1&{text}", f"text/plain; charset={word}"),
            (json.dumps({word: word * (BODY_BYTES_TOO_MANY // len(word))}), "application/json"),
        )
        for content, media_type in bodies:
            sent = {"content": content.encode(), "headers": {"Content-Type": media_type}}
            credential = self._rightful.credential(operation)
            await self._sender.ask(operation.method, drawn.path, operation.id, credential, sent)

    async def _odd(self, operation: Operation, one: Field) -> None:
        """Send letters that JSON can write and a database cannot keep: taken or refused, nothing may break of it."""
        for odd in ("\x00", "\ud800"):
            drawn = self._rightful.drawn(operation)
            content = json.dumps(one.put_into(drawn.json, f"{self._words.word(one.name)}{odd}"))
            sent = {"content": content, "headers": {"Content-Type": "application/json", **drawn.headers}}
            credential = self._rightful.credential(operation)
            await self._sender.ask(operation.method, drawn.path, operation.id, credential, sent)

    def _stranger(self, operation: Operation, what: str) -> dict[str, str]:
        return {self._words.word(f"{UNKNOWN_NAME} {what} of {operation.id}"): self._words.word(f"the {what}'s value")}

    def _value(self, one: Field) -> Any:
        word = self._words.word(one.name)
        return (f"{word}.wav", recording(word)) if one.is_file else one.acting_under(word)

    def _filled(self, drawn: Drawn, fields: Sequence[Field]) -> Drawn:
        for one in fields:
            drawn = _put(drawn, one, self._value(one))
        return drawn

    def _count(self, fields: Sequence[Field], answer: httpx.Response) -> None:
        if answer.status_code in _REFUSED:
            self._planted.refused.update(one.name for one in fields)


def _put(drawn: Drawn, one: Field, value: Any) -> Drawn:
    name = one.path[0]
    if one.is_file:
        return replace(drawn, file=value)
    if one.where == "header":
        return replace(drawn, headers={**drawn.headers, name: value})
    if one.where == "query":
        return replace(drawn, params={**drawn.params, name: value})
    if one.where == "form":
        return replace(drawn, form={**(drawn.form or {}), name: value})
    if one.where == "json":
        return replace(drawn, json=one.put_into(drawn.json, value))
    return drawn
