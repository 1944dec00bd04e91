"""A step answers one kind of event in two halves: slow work outside any transaction, a quick record inside one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from libs.common.database import Transaction
from libs.common.errors import AppError
from libs.common.events import Event

HANDLER_TIMEOUT_S = 60.0

E = TypeVar("E", bound=Event)
R = TypeVar("R")


class Step(Generic[E, R]):
    """What a service does about one kind of event. The event's capability is held during every half."""

    async def work(self, event: E) -> R:
        """Do the slow part. Talks to the world, holds no transaction, may run more than once.

        Raises AppError: tried again when its problem is retryable, else given up at once.
        """
        raise NotImplementedError

    async def record(self, event: E, result: R, tx: Transaction) -> Sequence[Event]:
        """Write the effect, exactly once, and return the facts that follow."""
        raise NotImplementedError

    async def give_up(self, event: E, error: AppError, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Write that this event cannot be answered, once; return the facts that follow.

        Called when the tries are used up or the error is not retryable. A refusal (`is_refusal`, such as missing
        consent) ends here as a fact; anything else goes to the dead letters as well.
        """
        return ()


@dataclass(frozen=True)
class Subscription:
    """One line of a service's table: this event is answered by this step, within `timeout_s`."""

    event: type[Event]
    step: Step[Any, Any]
    timeout_s: float = HANDLER_TIMEOUT_S
