"""Chooses the form of an answer by `Accept` (RFC 9110 section 12.5.1)."""

import re
from collections.abc import Sequence

_ANY = "*/*"
_WEIGHT = re.compile(r"(?:^|;)\s*q=([01](?:\.\d{0,3})?)\s*(?:;|$)")


def preferred(accept: str, offered: Sequence[str]) -> str | None:
    """Return the offered media type that Accept prefers, None if it accepts none of them.

    Of those it prefers equally: one that it names before one that only a range covers, then the first it lists, then
    the first that is offered.
    """
    ranges = [_range(part) for part in accept.split(",") if part.strip()] or [(_ANY, 1.0)]
    found = [(_rank(media_type, ranges), media_type) for media_type in offered]
    possible = [(rank, media_type) for rank, media_type in found if rank is not None]
    return min(possible, key=lambda one: one[0])[1] if possible else None


def _range(part: str) -> tuple[str, float]:
    name, _, parameters = part.partition(";")
    found = _WEIGHT.search(parameters)
    return name.strip().lower(), float(found[1]) if found else 1.0


def _rank(media_type: str, ranges: Sequence[tuple[str, float]]) -> tuple[float, int, int] | None:
    names = [name for name, _ in ranges]
    # The most specific range decides, whatever a wider one says.
    for width, name in enumerate((media_type, f"{media_type.partition('/')[0]}/*", _ANY)):
        if name in names:
            place = names.index(name)
            weight = ranges[place][1]
            return (-weight, width, place) if weight else None
    return None
