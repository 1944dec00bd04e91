"""Handles deliveries: decode, deduplicate, run the step, then acknowledge, park for a retry, or dead-letter."""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum, auto

import structlog

from libs.common import metrics
from libs.common.capability import acting_under
from libs.common.database.transaction import Database
from libs.common.errors import INTERNAL, AppError, BrokerUnavailableError
from libs.common.events import Catalogue, Envelope, Event, UnreadableError
from libs.common.log import get_logger, location_of
from libs.common.messaging.backoff import CLAIMED_ELSEWHERE, PAUSED, Backoff
from libs.common.messaging.inbox import Inbox
from libs.common.messaging.job import Job
from libs.common.messaging.retries_exhausted import RETRIES_EXHAUSTED, failure_recorded, record_failure
from libs.common.messaging.steps import BatchStep, Subscription
from libs.common.streams.dead_letters import dead_letter
from libs.common.streams.port import DeadLetterReason, Delivery, Outlet
from libs.common.tracing import processing, trace_headers

POISON_MESSAGE = "poison-message"


class Outcome(StrEnum):
    """What came of an entry, as logs and metrics say it."""

    DONE = auto()
    DUPLICATE = auto()
    REFUSED = auto()
    DEAD = auto()
    PARKED = auto()


ACKNOWLEDGED = frozenset({Outcome.DONE, Outcome.DUPLICATE, Outcome.REFUSED})


class _NoJob(Enum):
    NOT_ANSWERED = auto()
    """No step here answers it: there is nothing to do but to acknowledge it."""
    UNREADABLE = auto()
    """It went to the dead letters, or waits until it may."""


@dataclass(frozen=True)
class _Failure:
    error: AppError
    traceparent: str = ""


@dataclass(frozen=True)
class DeliveryHandler:
    """How a group handles events: its database, its steps by event type, and its retry policy."""

    database: Database
    catalogue: Catalogue
    steps: Mapping[str, Subscription]
    backoff: Backoff = field(default_factory=Backoff)

    async def handle(self, channel: Outlet, deliveries: Sequence[Delivery]) -> Collection[Delivery]:
        """Process deliveries; return those to acknowledge (not what was parked or dead-lettered)."""
        done: list[Delivery] = []
        jobs: list[Job] = []
        for delivery in deliveries:
            job = await self._read(channel, delivery)
            if isinstance(job, Job):
                jobs.append(job)
            elif job is _NoJob.NOT_ANSWERED:
                done.append(delivery)
        fresh, known = await self._split_applied(channel, jobs)
        done += known
        many = [job for job in fresh if isinstance(job.subscription.step, BatchStep)]
        if len(many) > 1 and await self._record_batch(many):
            done += [job.delivery for job in many]
            fresh = [job for job in fresh if not isinstance(job.subscription.step, BatchStep)]
        return [*done, *[job.delivery for job in fresh if await self._handle(job)]]

    async def dead_letter_poison(self, channel: Outlet, delivery: Delivery) -> None:
        """Dead-letter an event that crashed its worker repeatedly; its step records the failure if it can."""
        job = await self._read(channel, delivery)
        if job is _NoJob.UNREADABLE:
            return
        if job is _NoJob.NOT_ANSWERED or await self._was_applied(job):
            await channel.ack([delivery])
            return
        killed = AppError(INTERNAL, "Handling the event crashed the worker.", error_class=POISON_MESSAGE)
        if not await channel.may_dead_letter() or await self._record_failure(job, killed) is not None:
            raise BrokerUnavailableError  # the caller retries later
        await dead_letter(channel, delivery, DeadLetterReason(POISON_MESSAGE, "-"))

    async def _was_applied(self, job: Job) -> bool:
        try:
            return bool(await Inbox(self.database, job.channel.group).applied([job.mark]))
        except AppError as error:
            raise BrokerUnavailableError from error

    async def _read(self, channel: Outlet, delivery: Delivery) -> Job | _NoJob:
        try:
            envelope = Envelope.from_json(delivery.body)
        except UnreadableError as error:
            if await channel.may_dead_letter():
                await dead_letter(channel, delivery, DeadLetterReason(error.why, "-"))
            return _NoJob.UNREADABLE
        subscription = self.steps.get(envelope.type)
        return Job(channel, delivery, envelope, subscription) if subscription else _NoJob.NOT_ANSWERED

    async def _split_applied(self, channel: Outlet, jobs: Sequence[Job]) -> tuple[list[Job], list[Delivery]]:
        """Split jobs into new ones and applied ones, in one query."""
        if not jobs:
            return [], []
        metrics.DELIVERED.labels(*jobs[0].labels).inc(len(jobs))
        metrics.PUBLISH_TO_START.labels(*jobs[0].labels).observe(time.time() - jobs[0].delivery.added_at_s)
        if not any(job.subscription.is_slow or job.subscription.batch > 1 for job in jobs) or all(
            isinstance(job.subscription.step, BatchStep) for job in jobs
        ):
            return list(jobs), []  # `record` deduplicates through the inbox anyway
        try:
            applied = await Inbox(self.database, channel.group).applied([job.mark for job in jobs])
        except AppError as error:
            for job in jobs:
                await self._park(job, error)
            return [], []
        known = [job for job in jobs if job.mark in applied]
        for job in known:
            metrics.DUPLICATES.labels(*job.labels).inc()
        return [job for job in jobs if job.mark not in applied], [job.delivery for job in known]

    async def _record_batch(self, jobs: Sequence[Job]) -> bool:
        """Record a batch in one transaction; False: fall back to one transaction per event."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(jobs[0].subscription.timeout_s):
                fresh = await self._record_all(jobs)
        except Exception as error:  # noqa: BLE001 - last resort: a handler's bug must not stop the consumer
            get_logger().warning("batch.handler_crashed", error_class=type(error).__name__, count=len(jobs))
            return False
        channel, seconds = jobs[0].channel, time.perf_counter() - started
        metrics.DONE.labels(*jobs[0].labels).inc(fresh)
        metrics.DUPLICATES.labels(*jobs[0].labels).inc(len(jobs) - fresh)
        metrics.HANDLER_DURATION.labels(*jobs[0].labels, Outcome.DONE.value).observe(seconds)
        milliseconds = round(seconds * 1000, 1)
        get_logger().info(
            "batch.handled", topic=channel.topic, group=channel.group, count=len(jobs), duration_ms=milliseconds
        )
        return True

    async def _record_all(self, jobs: Sequence[Job]) -> int:
        async with self.database.without_capability() as tx:
            fresh = await Inbox(self.database, jobs[0].channel.group).enter(tx, [job.mark for job in jobs])
            by_type: dict[str, list[Event]] = {}
            for job in jobs:
                if job.mark in fresh:
                    by_type.setdefault(job.envelope.type, []).append(self.catalogue.read(job.envelope))
            for name, events in by_type.items():
                step = self.steps[name].step
                assert isinstance(step, BatchStep)
                await step.record_all(events, tx)
        return len(fresh)

    async def _handle(self, job: Job) -> bool:
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(**job.log_line):
            ending = await self._attempt(job)
            outcome = await self._failed(job, ending) if isinstance(ending, _Failure) else ending
            seconds = time.perf_counter() - started
            metrics.HANDLER_DURATION.labels(*job.labels, outcome.value).observe(seconds)
            get_logger().info("event.handled", outcome=outcome.value, duration_ms=round(seconds * 1000, 1))
        return outcome in ACKNOWLEDGED

    async def _attempt(self, job: Job) -> Outcome | _Failure:
        traceparent = ""
        try:
            with (
                processing(job.envelope, job.channel.group, job.delivery.previous),
                acting_under(job.envelope.headers.get("capability", "")),
            ):
                traceparent = trace_headers().get("traceparent", "")
                async with asyncio.timeout(job.subscription.timeout_s):
                    return await self._apply(job)
        except AppError as error:
            return _Failure(error, traceparent)
        except Exception as error:  # noqa: BLE001 - last resort: a handler's bug must not stop the consumer
            get_logger().error(
                "event.handler_crashed", error_class=type(error).__name__, error_place=location_of(error)
            )
            return _Failure(
                AppError(INTERNAL, "The handler of the event raised an exception.", error_class=type(error).__name__),
                traceparent,
            )

    async def _apply(self, job: Job) -> Outcome:
        event = self.catalogue.read(job.envelope)
        inbox = Inbox(self.database, job.channel.group)
        if isinstance(job.subscription.step, BatchStep):
            await self._record_all([job])
        elif not job.subscription.exclusive:
            return await self._work_and_record(job, event, inbox)
        else:
            channel, previous_consumer = job.channel, job.delivery.previous_consumer
            async with inbox.claimed(job.mark, channel.consumer, previous_consumer) as fresh:
                return await self._work_and_record(job, event, inbox) if fresh else Outcome.DUPLICATE
        return Outcome.DONE

    async def _work_and_record(self, job: Job, event: Event, inbox: Inbox) -> Outcome:
        step = job.subscription.step
        assert not isinstance(step, BatchStep)
        if job.subscription.is_slow and await failure_recorded(self.database, job):
            # The worker that recorded the failure died before the entry was dead-lettered.
            await dead_letter(job.channel, job.delivery, DeadLetterReason(RETRIES_EXHAUSTED, "-"))
            return Outcome.DEAD
        result = await step.work(event)
        async with self.database.transaction() as tx:
            if not await inbox.enter(tx, [job.mark]):
                metrics.DUPLICATES.labels(*job.labels).inc()
                return Outcome.DUPLICATE
            await tx.emit(*await step.record(event, result, tx), cause=job.cause())
        metrics.DONE.labels(*job.labels).inc()
        return Outcome.DONE

    async def _failed(self, job: Job, failure: _Failure) -> Outcome:
        error = failure.error
        if error.problem is CLAIMED_ELSEWHERE:
            metrics.CLAIMED_ELSEWHERE.labels(*job.labels).inc()
        else:
            get_logger().warning("event.failed", problem=error.problem.slug, **error.facts)
        exhausted = self.backoff.is_exhausted(job.delivery.attempt, error)
        if exhausted and not error.problem.is_refusal and not await job.channel.may_dead_letter():
            error, exhausted = AppError(PAUSED, "The group is paused."), False
        if exhausted:
            down = await self._record_failure(job, error)
            if down is None and error.problem.is_refusal:
                return Outcome.REFUSED
            if down is None:
                why = str(error.facts.get("error_class") or error.problem.slug)
                await dead_letter(job.channel, job.delivery, DeadLetterReason(why, location_of(error)))
                return Outcome.DEAD
            error = down
        await self._park(job, error, failure.traceparent)
        return Outcome.PARKED

    async def _record_failure(self, job: Job, error: AppError) -> AppError | None:
        try:
            return await record_failure(self.database, self.catalogue, job, error)
        except Exception as broken:  # noqa: BLE001 - last resort: a handler's bug must not stop the consumer
            # Otherwise a failing `on_failure` would crash the worker on every retry.
            get_logger().error(
                "event.handler_crashed", error_class=type(broken).__name__, error_place=location_of(broken)
            )
            return None

    async def _park(self, job: Job, error: AppError, traceparent: str = "") -> None:
        metrics.RETRIED.labels(*job.labels).inc()
        attempt = job.delivery.attempt
        delivery = replace(job.delivery, previous=traceparent or job.delivery.previous)
        next_attempt = self.backoff.next_attempt(attempt, error)
        await job.channel.park(delivery, self.backoff.delay_s(attempt, error), next_attempt)
