"""What an integrator may attach to a consent or a session: JSON that can be kept, and written again as it was."""

import json
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator

# Deeper than any record of a person; readers of JSON that recurse begin to fail at some hundreds.
METADATA_DEPTH_MAX = 32


def storable(value: dict[str, Any]) -> dict[str, Any]:
    """Return the value; raise ValueError for what PostgreSQL cannot keep or Python cannot write again.

    That is NaN and infinity, half of a surrogate pair, NUL, and objects nested deeper than METADATA_DEPTH_MAX.
    """
    if _is_deeper(value, METADATA_DEPTH_MAX):
        raise ValueError("too deep")
    kept = json.dumps(value, ensure_ascii=False, allow_nan=False)
    # Half of a surrogate pair fails here, and not in PostgreSQL after the recording was taken in.
    kept.encode()
    # PostgreSQL's jsonb has no NUL, not even escaped.
    if "\\u0000" in kept:
        raise ValueError("holds a NUL")
    return value


Metadata = Annotated[dict[str, Any], AfterValidator(storable)]


def _is_deeper(value: object, levels: int) -> bool:
    # Level by level: a check of depth that recursed would fail at the depth it is there for.
    level: list[object] = [value]
    while level:
        if levels == 0:
            return any(isinstance(part, dict | list) for part in level)
        level = [inner for part in level for inner in _parts(part)]
        levels -= 1
    return False


def _parts(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
