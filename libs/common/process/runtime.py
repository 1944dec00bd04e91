"""The database, the streams and the workers of one service process, joined the same way everywhere."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from libs.common.database.transaction import Database
from libs.common.errors import BrokerUnavailableError, ProblemType
from libs.common.events import Catalogue, key_of
from libs.common.http.app import Check
from libs.common.messaging.consumer import Consumer, ConsumerTiming
from libs.common.messaging.handling import DeliveryHandler
from libs.common.messaging.ordered import KeyOrderedHandler
from libs.common.messaging.outbox import Outbox
from libs.common.messaging.relay import Archive, Relay
from libs.common.messaging.steps import Subscription
from libs.common.process.supervision import Worker
from libs.common.settings import ProcessSettings
from libs.common.streams.port import DeadLetterLimit
from libs.common.streams.redis_streams import RedisStreams
from libs.common.waiting import cancel_and_wait


@dataclass(frozen=True)
class EventConfig:
    """What a service has to do with events. `group` is its name and its schema; `topics_out` are the ones it writes."""

    group: str
    catalogue: Catalogue
    topics_out: Sequence[str] = ()
    refusals: Mapping[str, ProblemType] | None = None


class Runtime:
    """Opens what every service needs; `close` gives it all back."""

    def __init__(self, settings: ProcessSettings, event_config: EventConfig) -> None:
        self._settings = settings
        self._event_config = event_config
        self.database = Database(settings.database_url.get_secret_value(), event_config.refusals)
        limit = DeadLetterLimit(settings.dead_letters_max, settings.dead_letters_a_minute_max)
        self.streams = RedisStreams(settings.redis_url.get_secret_value(), settings.stream_lag_max, limit)
        # A hint only: without it the relay finds the fact at its next turn.
        self.database.on_emitted = self._committed
        relay_url = settings.relay_database_url
        self._outbox = Outbox(relay_url.get_secret_value(), event_config.group) if relay_url else None
        self._relay = self._new_relay(self._outbox) if self._outbox and event_config.topics_out else None
        self._hinting: asyncio.Task[None] | None = None

    @property
    def checks(self) -> Mapping[str, Check]:
        """What /health asks. The stream may be away: facts wait in the outbox, and nothing is lost."""
        return {"database": self.database.ping}

    def workers(self, subscriptions: Iterable[Subscription]) -> list[Worker]:
        """Return one consumer per topic of the table, and the relay where the service writes facts."""
        by_topic: dict[str, dict[str, Subscription]] = {}
        for line in subscriptions:
            by_topic.setdefault(line.event.topic, {})[line.event.type] = line
        consumers = [self._consumer(topic, lines) for topic, lines in by_topic.items()]
        return [*consumers, self._relay] if self._relay else [*consumers]

    async def close(self) -> None:
        """Give everything back."""
        if self._hinting is not None:
            await cancel_and_wait([self._hinting])
        await self.streams.close()
        await self.database.close()
        if self._outbox is not None:
            await self._outbox.close()

    def _new_relay(self, outbox: Outbox) -> Relay:
        archive = Archive(self._settings.archive_retention_days, self._settings.stream_rebuild == "auto")
        return Relay(outbox, self.streams.publisher(), self._event_config.topics_out, archive)

    def _consumer(self, topic: str, lines: Mapping[str, Subscription]) -> Consumer:
        handling = DeliveryHandler(self.database, self._event_config.catalogue, lines)
        ordered = any(line.event.is_ordered for line in lines.values())
        # In order means one by one; else a batch is what every step of the topic can take.
        batch = 1 if ordered else min(line.batch for line in lines.values())
        return Consumer(
            self.streams.channel(topic, self._event_config.group, ordered=ordered),
            KeyOrderedHandler(handling, key_of) if ordered else handling,
            ConsumerTiming(concurrency=self._settings.concurrency, batch=batch),
        )

    def _committed(self) -> None:
        """Wake the relay: our own where it runs, else those of other processes."""
        if self._relay is not None and self._relay.is_running:
            self._relay.wake()
        # One hint under way is enough for all commits meanwhile: the relay looks at everything.
        elif self._event_config.topics_out and (self._hinting is None or self._hinting.done()):
            self._hinting = asyncio.create_task(self._hint())

    async def _hint(self) -> None:
        with suppress(BrokerUnavailableError):
            await self.streams.publisher().hint(self._event_config.group)
