"""Server-sent events as bytes (WHATWG HTML, section 9.2): named, numbered, JSON in one line."""

import json
from collections.abc import Mapping
from typing import Any

PING = b": ping\n\n"


def event(name: str, number: int, data: Mapping[str, Any]) -> bytes:
    """Return one event; JSON escapes line ends, so the data is always one line."""
    return f"id: {number}\nevent: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
