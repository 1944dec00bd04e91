"""A step answers one kind of event in two halves: slow work outside any transaction, a quick record inside one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from libs.common.database.transaction import Transaction
from libs.common.errors import AppError
from libs.common.events import Event

HANDLER_TIMEOUT_S = 60.0
"""For a step that says nothing else: a call to a neighbour and a transaction take seconds, what hangs ends here."""

E = TypeVar("E", bound=Event)
R = TypeVar("R")


class Step(Generic[E, R]):
    """What a service does about one kind of event. The event's capability is held during every half."""

    async def work(self, event: E) -> R:  # noqa: ARG002
        """Do the slow part, if there is one. Talks to the world, holds no transaction, may run more than once.

        Raises AppError: tried again when its problem is retryable, else dead-lettered at once.
        """
        return cast(R, None)  # R is None for a step with nothing slow

    async def record(self, event: E, result: R, tx: Transaction) -> Sequence[Event]:
        """Write the effect, exactly once, and return the facts that follow."""
        raise NotImplementedError

    async def on_failure(self, event: E, error: AppError, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Write that this event cannot be answered, once; return the facts that follow.

        Called when the tries are used up or the error is not retryable. A refusal (`is_refusal`: a rule said
        no) ends here as a fact; anything else goes to the dead letters as well.
        """
        return ()


class BatchStep(Generic[E]):
    """What a service does about many events of one kind at once: one transaction, each event's effect exactly once.

    For effects that are nobody's rows (counters, queues of ids): the transaction holds no capability, so row-level
    security shows it nothing, and it may not emit facts. A batch that fails is recorded again one by one.
    """

    async def record_all(self, events: Sequence[E], tx: Transaction) -> None:
        """Write the effects of all of them."""
        raise NotImplementedError


@dataclass(frozen=True)
class Subscription:
    """One line of a service's table: this event is answered by this step, within `timeout_s`.

    `exclusive` lets one living worker at a time do the work, across all processes: for work that costs money.
    `batch` is how many entries of the topic one run may take: more than 1 suits quick steps.
    """

    event: type[Event]
    step: Step[Any, Any] | BatchStep[Any]
    timeout_s: float = HANDLER_TIMEOUT_S
    exclusive: bool = False
    batch: int = 1

    @property
    def is_slow(self) -> bool:
        """Whether work comes before the record, so that asking first whether it is needed pays."""
        return type(self.step).work is not Step.work if isinstance(self.step, Step) else False
