"""Encodes server-sent events (WHATWG HTML, section 9.2) with a name, a number and JSON data."""

import json
from collections.abc import Mapping
from typing import Any

PING = b": ping\n\n"


def event(name: str, number: int, data: Mapping[str, Any]) -> bytes:
    """Return one encoded event. JSON escapes line breaks, so the data is always one line."""
    return f"id: {number}\nevent: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
