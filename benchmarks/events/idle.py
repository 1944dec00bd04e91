"""A service that does nothing, for its memory: the runtime, a consumer, a relay and the run loop, no import more."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from libs.common.database.transaction import Transaction
from libs.common.events import Catalogue, Event
from libs.common.http.app import AppSpec
from libs.common.messaging.steps import Step, Subscription
from libs.common.process.run import Entry, Service, main
from libs.common.process.runtime import EventConfig, Runtime
from libs.common.settings import ProcessSettings


class Idled(Event):
    """Nothing happened."""

    type: ClassVar[str] = "thing.idled"
    topic: ClassVar[str] = "idle"
    key_field: ClassVar[str] = "thing_id"

    thing_id: UUID


class Rest(Step[Idled, None]):
    """Nothing to do."""

    async def work(self, event: Idled) -> None:
        """Rest."""

    async def record(self, event: Idled, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Nothing to write."""
        return ()


def build() -> Service:
    """Join the parts as a service's wiring does."""
    runtime = Runtime(ProcessSettings(), EventConfig("kernel", Catalogue([Idled]), topics_out=["thing"]))
    workers = runtime.workers([Subscription(Idled, Rest())])
    return Service(AppSpec("idle", "0", (), runtime.checks), workers, runtime.close)


if __name__ == "__main__":
    main(Entry("idle", ProcessSettings, build, Path(__file__).parent))
