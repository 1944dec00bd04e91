"""The database, the streams and the workers of one service process, joined the same way everywhere."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from libs.common.consumer import Consumer, Pace
from libs.common.database import Database
from libs.common.errors import ProblemType
from libs.common.events import Catalogue
from libs.common.handling import Handling
from libs.common.http_app import Check
from libs.common.outbox import Outbox
from libs.common.redis_streams import RedisStreams
from libs.common.relay import Relay
from libs.common.run import Worker
from libs.common.settings import ServiceSettings
from libs.common.steps import Subscription


@dataclass(frozen=True)
class Traffic:
    """What a service has to do with events. `group` is its name and its schema; `topics_out` are the ones it writes."""

    group: str
    catalogue: Catalogue
    topics_out: Sequence[str] = ()
    refusals: Mapping[str, ProblemType] | None = None


class Plumbing:
    """Opens what every service needs; `close` gives it all back."""

    def __init__(self, settings: ServiceSettings, traffic: Traffic) -> None:
        self._settings = settings
        self._traffic = traffic
        self.database = Database(settings.database_url.get_secret_value(), traffic.refusals)
        self.streams = RedisStreams(settings.redis_url.get_secret_value())
        relay_url = settings.relay_database_url
        self._outbox = Outbox(relay_url.get_secret_value(), traffic.group) if relay_url else None

    @property
    def checks(self) -> Mapping[str, Check]:
        """What /health asks. The stream may be away: facts wait in the outbox, and nothing is lost."""
        return {"database": self.database.ping}

    def workers(self, subscriptions: Iterable[Subscription]) -> list[Worker]:
        """Return one consumer per topic of the table, and the relay where the service writes facts.

        The relay is woken after each commit of this process that left facts.
        """
        by_topic: dict[str, dict[str, Subscription]] = {}
        for line in subscriptions:
            by_topic.setdefault(line.event.topic, {})[line.event.type] = line
        workers: list[Worker] = [self._consumer(topic, lines) for topic, lines in by_topic.items()]
        if self._outbox is not None and self._traffic.topics_out:
            relay = Relay(self._outbox, self.streams.publisher(), self._traffic.topics_out)
            self.database.on_emitted = relay.wake
            workers.append(relay)
        return workers

    async def close(self) -> None:
        """Give everything back."""
        await self.streams.close()
        await self.database.close()
        if self._outbox is not None:
            await self._outbox.close()

    def _consumer(self, topic: str, lines: Mapping[str, Subscription]) -> Consumer:
        return Consumer(
            self.streams.channel(topic, self._traffic.group),
            Handling(self.database, self._traffic.catalogue, lines),
            Pace(concurrency=self._settings.concurrency),
        )
