"""What may be attached to a consent or a session can be kept and written again."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from libs.contracts.metadata import METADATA_DEPTH_MAX, Metadata

READER: TypeAdapter[dict[str, Any]] = TypeAdapter(Metadata)


def _nested(levels: int) -> dict[str, Any]:
    value: Any = {}
    for level in range(levels - 1):
        value = {"a": value} if level % 2 or level == levels - 2 else [value]
    found: dict[str, Any] = value
    return found


def test_objects_as_deep_as_the_limit_are_taken_as_they_are() -> None:
    value = _nested(METADATA_DEPTH_MAX)

    assert READER.validate_python(value) == value


@pytest.mark.parametrize(
    "value",
    [_nested(METADATA_DEPTH_MAX + 1), _nested(300), {"a": float("nan")}, {"a": "\ud800"}, {"a\x00": 1}],
    ids=["one deeper", "very deep", "not a number", "half of a pair", "a NUL"],
)
def test_what_could_not_be_kept_or_written_again_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        READER.validate_python(value)
