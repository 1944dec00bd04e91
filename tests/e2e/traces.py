"""Looks for words in everything a system keeps: columns of tables, Redis, objects, files; in many notations."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import SystemRandom

from libs.devstack.stack import Stack
from proofs.kit.kept_bytes import Kept, files_of, objects_of, streams_of, tables_of
from proofs.no_words.words import Canaries, Forms


def canary() -> str:
    """Return a word that nobody can guess and no language has."""
    return Canaries(SystemRandom()).word("a test")


@dataclass(frozen=True)
class Searched:
    """How much was looked at (objects by name), and where a word was found."""

    tables: int
    keys: int
    objects: Sequence[str]
    hits: Sequence[str]


async def search(stack: Stack, words: Iterable[str]) -> Searched:
    """Look for words everywhere."""
    wanted = [Forms.of(word) for word in words]
    tables, objects, files = list(tables_of(stack)), list(objects_of(stack)), list(files_of(stack))
    keys = [key async for key in streams_of(stack)]
    hits = [_place(one) for one in (*tables, *keys, *objects, *files) if _holds(one, wanted)]
    names = [one.name for one in objects if one.kind == "object"]
    return Searched(len({_place(one) for one in tables}), len(keys), names, hits)


def _holds(one: Kept, wanted: Sequence[Forms]) -> bool:
    lowered = one.data.lower()
    return any(forms.found_in(lowered) for forms in wanted)


def _place(one: Kept) -> str:
    return one.name.rpartition(".")[0] if one.kind == "database column" else f"{one.kind} {one.name}"
