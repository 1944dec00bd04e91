"""A consumer's lease, beaten from its own thread and connection so that a busy event loop does not lose it."""

import threading
import time

from redis import Redis
from redis.exceptions import RedisError

from libs.common.log import get_logger
from libs.common.metrics import LOST_LEASE
from libs.common.streams.scripts import SCRIPTS

# Four beats: three in a row may be lost before others take the entries over.
LEASE_MS = 6_000
BEAT_S = LEASE_MS / 4_000
# Whoever stands still so long handles nothing, whatever its thread says: its entries are for others.
LOOP_STALL_MAX_S = 60.0
BEAT_SCRIPT = (SCRIPTS / "beat.lua").read_text()


class Lease:
    """Renews the consumer's lease every 1.5 s while the event loop responds; a watchdog stops it when the loop stalls.

    `keys` are the group's leases and the lead of an ordered topic.
    """

    def __init__(self, url: str, keys: tuple[str, str], consumer: str) -> None:
        self._url = url
        self._keys = keys
        self._consumer = consumer
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._seen_at = time.monotonic()

    def start(self) -> None:
        """Keep beating in the background; the caller has beaten once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)
            self._thread.start()

    def note_loop_alive(self) -> None:
        """Called by the event loop as it goes round."""
        self._seen_at = time.monotonic()

    def stop(self) -> None:
        """Stop beating. The thread ends by itself within its socket timeout."""
        self._stop.set()

    def _beat(self) -> None:
        connection = Redis.from_url(self._url, socket_timeout=BEAT_S, socket_connect_timeout=BEAT_S)
        while not self._stop.wait(BEAT_S):
            # Not the end of the thread: a loop that goes on later may have its lease again.
            if time.monotonic() - self._seen_at > LOOP_STALL_MAX_S:
                continue
            try:
                lost = connection.eval(BEAT_SCRIPT, 2, *self._keys, self._consumer, str(LEASE_MS))
            except (RedisError, OSError):
                continue
            if lost:
                topic, _, group = self._keys[0].partition(":hb:")
                LOST_LEASE.labels(topic.strip("{}"), group).inc()
                get_logger().warning("lease.lost", topic=topic.strip("{}"), group=group, consumer=self._consumer)
        connection.close()
