"""What is no event, left somewhere in the streams of a running system."""

import random
from typing import Any

from redis import Redis

from libs.common import events
from libs.common.clock import utc_now
from libs.common.events import Envelope
from libs.common.ids import new_id
from libs.common.messaging.tests.poison import PARKED, entry_shapes, retry_shapes
from libs.common.streams import entries

_GOOD = Envelope(new_id(), "thing.counted", 1, "thing", "k", utc_now(), {}, {})
_ENTRIES = entry_shapes(_GOOD, large=entries.ENTRY_SIZE_MAX + 1)
_RETRIES = retry_shapes(_GOOD)
SHAPES = ("no d", "not UTF-8", "nested", "large", "the value null", "n is words", "e is vast", "parked")
"""The shapes that are thrown: one of a topic's own stream unless it is one of a group's own lane, or parked."""
REASONS = frozenset({*entries.FAULTS, events.UNREADABLE, events.TOO_LARGE})
"""Why their dead letters are dead; no real event ever is for one of these."""


def leave(redis: Redis, shape: str, dice: random.Random) -> bool:
    """Leave one on some stream that a group reads; False when no group reads any, as after FLUSHALL."""
    kind = b"}:z:" if shape == "parked" else b"}:r:" if shape in _RETRIES else b"}:s"
    # A group's own lane is there from its first moment; so the others are found by it.
    lanes: list[Any] = sorted(redis.scan_iter(match="{*}:r:*", count=1000))
    if not lanes:
        return False
    stream, _, group = dice.choice(lanes).partition(b"}:r:")
    key = stream + (kind if kind == b"}:s" else kind + group)
    if shape != "parked":
        fields: Any = (_RETRIES.get(shape) or _ENTRIES[shape])[0]
        redis.xadd(key, fields)
        return True
    token = f"s:{dice.randrange(10**9)}-0"
    value = PARKED[dice.choice(sorted(PARKED))]
    if value is not None:
        redis.hset(key.replace(b"}:z:", b"}:zp:"), token, value)
    redis.zadd(key, {token: 0})
    return True
