"""Entries that are none, by shape: what anyone who can write to a stream may have left there."""

import json
from collections.abc import Mapping
from typing import Any

from libs.common import events
from libs.common.events import Envelope
from libs.common.streams import entries

Fields = dict[bytes, bytes]
NESTED = 200_000
LARGE = 20_000_000


def entry_shapes(good: Envelope, nested: int = NESTED, large: int = LARGE) -> dict[str, tuple[Fields, str]]:
    """Return entries of a topic's own stream that are none, and the reason each must be dead for."""
    body = good.to_json().encode()
    bodies: dict[str, tuple[bytes, str]] = {
        "not UTF-8": (b"\xff\xfe" + body, entries.NOT_UTF8),
        "not UTF-8 inside": (body.replace(b'"payload"', b'"payl\xffoad"'), entries.NOT_UTF8),
        "half a surrogate": (body.replace(b'"type"', b'"ty\\ud800pe"'), events.UNREADABLE),
        "nested": (b"[" * nested + b"]" * nested, events.UNREADABLE),
        "nested payload": (
            json.dumps(_with(good, payload=None)).encode().replace(b"null", b'{"a":' * nested + b"1" + b"}" * nested),
            entries.TOO_LARGE if nested * 6 > entries.ENTRY_SIZE_MAX else events.UNREADABLE,
        ),
        "large": (json.dumps(_with(good, payload={"a": "x" * large})).encode(), entries.TOO_LARGE),
        "empty": (b"", entries.NO_BODY),
        "no JSON": (b"not json", events.UNREADABLE),
        **{f"the value {text.decode()}": (text, events.UNREADABLE) for text in (b"null", b"7", b'"d"', b"[]", b"{}")},
        **{
            name: (json.dumps(_with(good, **members)).encode(), events.UNREADABLE) for name, members in _MEMBERS.items()
        },
    }
    found: dict[str, tuple[Fields, str]] = {name: ({b"d": given}, why) for name, (given, why) in bodies.items()}
    return found | {
        "no d": ({b"x": b"1"}, entries.NO_BODY),
        "not UTF-8 and no d": ({b"\xff": b"\xfe"}, entries.NO_BODY),
        "large beside a body": ({b"d": body, b"x": b"x" * large}, entries.TOO_LARGE),
    }


def retry_shapes(good: Envelope) -> dict[str, tuple[Fields, str]]:
    """Return entries of a group's own lane that are none because of what stands beside the body."""
    body = good.to_json().encode()
    wrong = {
        "words": b"soon",
        "not UTF-8": b"\xff",
        "negative": b"-1",
        "vast": b"9" * 5_000,
        "a float": b"1.5",
        "no": b"",
    }
    return {
        f"{field} is {name}": ({b"d": body, b"n": b"1", b"e": b"0"} | {field.encode(): value}, entries.BAD_FIELD)
        for field in ("n", "e")
        for name, value in wrong.items()
    }


PARKED: Mapping[str, bytes | None] = {
    "nothing": None,
    "no JSON": b"not json",
    "a number": b"7",
    "no body": b'{"n": "1", "e": "0", "p": ""}',
    "a table": b'{"d": "{}", "n": {}, "e": "0", "p": ""}',
    "not UTF-8": b"\xff",
    "nested": b"[" * NESTED,
}
"""What may stand in the parking place in the place of an entry."""

_MEMBERS: Mapping[str, Mapping[str, Any]] = {
    "an id that is a number": {"id": 7},
    "an id that is none": {"id": "x"},
    "a type that is a list": {"type": []},
    "no key": {"key": None},
    "a version without end": {"version": float("inf")},
    "a version in words": {"version": "one"},
    "a time without a zone": {"at": "2026-01-01T00:00:00"},
    "a time beyond all": {"at": "99999-01-01T00:00:00Z"},
    "a payload that is a list": {"payload": []},
    "headers that are a list": {"headers": []},
    "a header that is a number": {"headers": {"capability": 7}},
    "headers that are words": {"headers": "words"},
}


def _with(good: Envelope, **members: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(good.to_json())
    return found | members
