"""One delivery on its way through a step."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from libs.common.derived_ids import derived_id
from libs.common.events import Envelope
from libs.common.messaging.inbox import Mark
from libs.common.messaging.steps import Subscription
from libs.common.streams.port import Delivery, Outlet


@dataclass(frozen=True)
class Job:
    """A delivery whose envelope was read, and the line of the table that answers it."""

    channel: Outlet
    delivery: Delivery
    envelope: Envelope
    subscription: Subscription

    @property
    def mark(self) -> Mark:
        """What is applied once."""
        return (self.envelope.id, self.delivery.epoch)

    @property
    def round(self) -> Mark:
        """Where its failure is recorded: once for each entry, so that one sent again can fail again."""
        # These words are in the ids of facts that were emitted: they never change.
        return (self.cause("given-up", self.delivery.lane, self.delivery.entry_id), self.delivery.epoch)

    @property
    def labels(self) -> tuple[str, str]:
        """Topic and group, as metrics have them."""
        return (self.channel.topic, self.channel.group)

    def cause(self, *names: str) -> UUID:
        """Return what the ids of the facts that follow derive from."""
        event_id, epoch = self.mark
        return derived_id(event_id, str(epoch), *names) if epoch or names else event_id

    @property
    def log_line(self) -> dict[str, Any]:
        """The fields of every log line while it is handled."""
        return {
            "topic": self.channel.topic,
            "group": self.channel.group,
            "event_type": self.envelope.type,
            "event_id": str(self.envelope.id),
            "attempt": self.delivery.attempt,
            "request_id": str(self.envelope.id),
        }
