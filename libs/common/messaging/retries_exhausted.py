"""The end of an event that cannot be handled: recorded once for each entry, so that one sent again ends again."""

from collections.abc import Sequence

from libs.common.capability import acting_under
from libs.common.database.transaction import Database, Transaction
from libs.common.errors import UNAUTHENTICATED, AppError
from libs.common.events import Catalogue, Event
from libs.common.messaging.inbox import Inbox
from libs.common.messaging.job import Job
from libs.common.messaging.steps import BatchStep

RETRIES_EXHAUSTED = "retries-exhausted"
"""The reason of a dead letter whose worker died after on_failure: what had failed is not known any more."""


async def failure_recorded(database: Database, job: Job) -> bool:
    """Tell whether this entry's failure was recorded before."""
    return bool(await _notes(database, job).applied([job.round]))


async def record_failure(database: Database, catalogue: Catalogue, job: Job, error: AppError) -> AppError | None:
    """Run the step's `on_failure` and emit what follows; return an error when even that must wait."""
    step = job.subscription.step
    if isinstance(step, BatchStep):
        return None
    try:
        with acting_under(job.envelope.headers.get("capability", "")):
            event = catalogue.read(job.envelope)
            async with database.transaction() as tx:
                if await _is_open(database, tx, job, error):
                    facts: Sequence[Event] = await step.on_failure(event, error, tx)
                    await tx.emit(*facts, cause=job.round[0])
    except AppError as second:
        # A capability that is no longer valid cannot even record this; the dead letter says so.
        return None if second.problem is UNAUTHENTICATED else second
    except (ValueError, KeyError):
        return None
    return None


async def _is_open(database: Database, tx: Transaction, job: Job, error: AppError) -> bool:
    done = Inbox(database, job.channel.group)
    if error.problem.is_refusal:
        return bool(await done.enter(tx, [job.mark]))  # a "no" is an answer, and final
    if await done.applied_in(tx, [job.mark]):
        return False  # a concurrent duplicate has succeeded
    # By event for those who look it up, by entry for those who must know.
    return job.round in await _notes(database, job).enter(tx, [job.mark, job.round])


def _notes(database: Database, job: Job) -> Inbox:
    # As inboxes have it: this name never changes.
    return Inbox(database, f"{job.channel.group}:given-up")
