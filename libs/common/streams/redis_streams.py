"""Streams on Redis 6.2+ or Valkey: the server, and the side that writes."""

from collections.abc import AsyncIterator, Mapping, Sequence

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from libs.common.redis.calls import script_of, translated
from libs.common.streams.port import LAG_MAX, DeadLetterLimit
from libs.common.streams.redis_channel import READ_BLOCK_MAX_S, Place, RedisChannel
from libs.common.streams.scripts import SCRIPTS

SOCKET_TIMEOUT_S = 5.0
"""A server that has not answered by then is away, and is waited for."""


class RedisStreams:
    """One server (redis://, rediss:// or unix://) and all its topics.

    `lag_max` is where publishing is held back, `limit` where a group that dead-letters too much is paused.
    """

    def __init__(self, url: str, lag_max: int = LAG_MAX, limit: DeadLetterLimit | None = None) -> None:
        self._url = url
        self._lag_max = lag_max
        self._limit = limit
        # Never repeats a command by itself: a lost reply must not write twice.
        self._redis = Redis.from_url(
            url,
            protocol=3,
            legacy_responses=False,
            decode_responses=True,
            # Bytes that are not UTF-8 come as lone surrogates and go back as they came.
            encoding_errors="surrogateescape",
            socket_timeout=SOCKET_TIMEOUT_S + READ_BLOCK_MAX_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )

    def publisher(self) -> "RedisPublisher":
        """Return the writing side of all topics."""
        return RedisPublisher(self._redis, self._lag_max)

    def channel(self, topic: str, group: str, *, ordered: bool = False) -> "RedisChannel":
        """Return one topic as a new consumer of the group sees it."""
        return RedisChannel(self._redis, self._url, Place(topic, group, ordered), self._limit)

    async def forget(self, topic: str) -> None:
        """Delete all of a topic, as a wiped server would; what matters comes back from the outbox."""
        keys = [key async for key in self._redis.scan_iter(match=f"{{{topic}}}:*")]
        if keys:
            await self._redis.delete(*keys)

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()


class RedisPublisher:
    """The writing side (implements port.Publisher)."""

    def __init__(self, redis: Redis, lag_max: int = LAG_MAX) -> None:
        self._redis = redis
        self._lag_max = lag_max
        self._publish = script_of(redis, SCRIPTS / "publish.lua")

    async def cursors(self, topics: Sequence[str]) -> Mapping[str, str]:
        """Read each topic's cursor, in one round trip."""
        pipeline = self._redis.pipeline(transaction=False)
        for topic in topics:
            pipeline.get(f"{{{topic}}}:cur")
        found: Sequence[str | None] = await translated(pipeline.execute())
        return {topic: cursor or "" for topic, cursor in zip(topics, found, strict=True)}

    async def publish(self, topic: str, expected: str, new: str, bodies: Sequence[str]) -> str:
        """Append and move the cursor in one script."""
        keys = [f"{{{topic}}}:s", f"{{{topic}}}:cur"]
        return str(await translated(self._publish(keys=keys, args=[expected, new, self._lag_max, *bodies])))

    async def hint(self, outbox: str) -> None:
        """Publish on a channel of the outbox; who does not listen now finds the rows by looking."""
        await translated(self._redis.publish(f"{outbox}:committed", ""))

    async def hints(self, outbox: str) -> AsyncIterator[None]:
        """Listen on that channel, over a connection of its own."""
        async with self._redis.pubsub(ignore_subscribe_messages=True) as listening:
            await translated(listening.subscribe(f"{outbox}:committed"))
            while True:
                if await translated(listening.get_message(timeout=READ_BLOCK_MAX_S)) is not None:
                    yield
