"""What happens to one event: recognised, worked on, recorded once; or parked; or given up and buried."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

import structlog
from opentelemetry import trace
from opentelemetry.trace import Link, SpanKind

from libs.common.backoff import Backoff
from libs.common.capability import holding
from libs.common.database import Database
from libs.common.errors import INTERNAL, UNAUTHENTICATED, AppError
from libs.common.events import Catalogue, Envelope, Event
from libs.common.ids import derived_id
from libs.common.log import get_logger, place_of
from libs.common.metrics import DEAD, DELIVERED, DONE, DUPLICATES, HANDLER_DURATION, RETRIED
from libs.common.steps import Subscription
from libs.common.streams import Channel, DeadLetter, Delivery
from libs.common.tracing import context_of, tracer


@dataclass(frozen=True)
class Handling:
    """How a group handles events: its database, its steps by event type, and its patience."""

    database: Database
    catalogue: Catalogue
    steps: Mapping[str, Subscription]
    backoff: Backoff = field(default_factory=Backoff)
    # A stream that lost its memory gives out what is still being worked on; its twin waits and finds it done.
    under_way: WeakValueDictionary[tuple[str, UUID, int], asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def handle(self, channel: Channel, delivery: Delivery) -> bool:
        """Handle one delivery to its end; True when it is to be acknowledged (parked and buried ones are already)."""
        try:
            envelope = Envelope.from_json(delivery.body)
        except (ValueError, KeyError, TypeError):
            await self._bury(channel, delivery, DeadLetter("unreadable-event", "-"))
            return False
        subscription = self.steps.get(envelope.type)
        if subscription is None:
            return True
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(**_log_line(channel, envelope, delivery)):
            twin = (channel.group, envelope.id, delivery.epoch)
            async with self.under_way.setdefault(twin, asyncio.Lock()):
                outcome, error = await self._attempt(channel.group, subscription, envelope, delivery)
            if error is not None:
                outcome = await self._failed(channel, subscription, envelope, delivery, error)
            seconds = time.perf_counter() - started
            HANDLER_DURATION.labels(channel.topic, channel.group, outcome).observe(seconds)
            get_logger().info("event.handled", outcome=outcome, duration_ms=round(seconds * 1000, 1))
        return outcome in ("done", "duplicate", "refused")

    async def _attempt(
        self, group: str, subscription: Subscription, envelope: Envelope, delivery: Delivery
    ) -> tuple[str, AppError | None]:
        link = trace.get_current_span(context_of(envelope.headers)).get_span_context()
        DELIVERED.labels(envelope.topic, group).inc()
        try:
            with (
                tracer.start_as_current_span(
                    f"process {envelope.type}",
                    context=context_of(envelope.headers),
                    kind=SpanKind.CONSUMER,
                    links=[Link(link)] if link.is_valid else [],
                    record_exception=False,
                    set_status_on_exception=False,
                ),
                holding(envelope.headers.get("capability", "")),
            ):
                async with asyncio.timeout(subscription.timeout_s):
                    return await self._apply(group, subscription, envelope, delivery.epoch), None
        except AppError as error:
            return "failed", error
        except Exception as error:  # noqa: BLE001 - the consumer is one of the two edges
            get_logger().error("event.broke", error_class=type(error).__name__, error_place=place_of(error))
            return "failed", AppError(INTERNAL, "A step broke.", error_class=type(error).__name__)

    async def _apply(self, group: str, subscription: Subscription, envelope: Envelope, epoch: int) -> str:
        event = self.catalogue.read(envelope)
        async with self.database.transaction() as tx:
            if await tx.applied(group, envelope.id, epoch):
                DUPLICATES.labels(envelope.topic, group).inc()
                return "duplicate"
        result = await subscription.step.work(event)
        async with self.database.transaction() as tx:
            if not await tx.first_time(group, envelope.id, epoch):
                DUPLICATES.labels(envelope.topic, group).inc()
                return "duplicate"
            await tx.emit(*await subscription.step.record(event, result, tx), cause=_cause(envelope.id, epoch))
        DONE.labels(envelope.topic, group).inc()
        return "done"

    async def _failed(
        self, channel: Channel, subscription: Subscription, envelope: Envelope, delivery: Delivery, error: AppError
    ) -> str:
        get_logger().warning("event.failed", problem=error.problem.slug, **error.facts)
        if self.backoff.gives_up(delivery.attempt, error):
            down = await self._given_up(channel.group, subscription, envelope, delivery.epoch, error)
            if down is None and error.problem.is_refusal:
                return "refused"
            if down is None:
                why = str(error.facts.get("error_class") or error.problem.slug)
                await self._bury(channel, delivery, DeadLetter(why, place_of(error)))
                return "dead"
            error = down
        RETRIED.labels(channel.topic, channel.group).inc()
        attempt = self.backoff.next_attempt(delivery.attempt, error)
        await channel.park(delivery, self.backoff.delay_s(delivery.attempt, error), attempt)
        return "parked"

    async def _given_up(
        self, group: str, subscription: Subscription, envelope: Envelope, epoch: int, error: AppError
    ) -> AppError | None:
        """Record the giving up; return an error when even that must wait."""
        try:
            with holding(envelope.headers.get("capability", "")):
                event = self.catalogue.read(envelope)
                async with self.database.transaction() as tx:
                    if await tx.first_time(f"{group}:given-up", envelope.id, epoch):
                        facts: Sequence[Event] = await subscription.step.give_up(event, error, tx)
                        await tx.emit(*facts, cause=_cause(envelope.id, epoch, "given-up"))
        except AppError as second:
            # A capability that is no longer valid cannot even record this; the letter says so.
            return None if second.problem is UNAUTHENTICATED else second
        except (ValueError, KeyError):
            return None
        return None

    async def _bury(self, channel: Channel, delivery: Delivery, letter: DeadLetter) -> None:
        if await channel.bury(delivery, letter):
            DEAD.labels(channel.topic, channel.group).inc()
            get_logger().error("event.dead", topic=channel.topic, group=channel.group, problem=letter.why)


def _cause(event_id: UUID, epoch: int, *names: str) -> UUID:
    return derived_id(event_id, str(epoch), *names) if epoch or names else event_id


def _log_line(channel: Channel, envelope: Envelope, delivery: Delivery) -> dict[str, Any]:
    return {
        "topic": channel.topic,
        "group": channel.group,
        "event_type": envelope.type,
        "event_id": str(envelope.id),
        "attempt": delivery.attempt,
        "request_id": str(envelope.id),
    }
