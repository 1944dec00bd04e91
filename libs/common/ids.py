"""Ids of new things, sortable by time."""

import os
import time
from collections.abc import Callable
from uuid import UUID

Identify = Callable[[], UUID]
"""Makes the id of a new thing, as `new_id` does: wiring hands it to whoever needs one."""
_RAND_BITS = 74


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562 section 5.7): 48 bits of Unix milliseconds, then randomness."""
    milliseconds = time.time_ns() // 1_000_000
    rand = int.from_bytes(os.urandom(10), "big") & ((1 << _RAND_BITS) - 1)
    value = (milliseconds & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76
    value |= (rand >> 62) << 64
    value |= 0b10 << 62
    value |= rand & ((1 << 62) - 1)
    return UUID(int=value)
