"""How much is before a group, for tests of channels: operators and the exporter ask libs/common/streams/admin.py."""

from dataclasses import dataclass

from libs.common.streams.admin import GroupStream
from libs.common.streams.memory import MemoryChannel
from libs.common.streams.port import Outlet
from libs.common.streams.redis_channel import RedisChannel


@dataclass(frozen=True)
class Depth:
    """Entries: not given yet, given and not acknowledged, waiting for another try, dead-lettered."""

    lag: int
    pending: int
    parked: int
    dead: int


async def depth(channel: Outlet) -> Depth:
    """Count what waits; the lag of servers before 7.0 is not known and counted as 0."""
    if isinstance(channel, MemoryChannel):
        return Depth(*channel.depth())
    assert isinstance(channel, RedisChannel)
    redis, lane = channel._redis, GroupStream(channel.topic, channel.group)
    lag = pending = 0
    for key in (lane.main, lane.key("r")):
        for info in await redis.xinfo_groups(key) if await redis.exists(key) else ():
            if info["name"] == channel.group:
                lag += int(info.get("lag") or 0)
                pending += int(info["pending"])
    return Depth(lag, pending, int(await redis.zcard(lane.key("z"))), int(await redis.xlen(lane.key("dlq"))))
