"""The step by which every service erases its rows, in one transaction with the tombstone, and reports the counts."""

from collections.abc import Sequence

from libs.common.database.transaction import Transaction
from libs.common.events import Event
from libs.common.log import get_logger
from libs.common.messaging.steps import Step, Subscription
from libs.contracts.erasure import Counted, Erasure, PatientErased, SessionErased, Table, session_of
from libs.tenancy.erased_rows import erase


class EraseOwnRows(Step[Erasure, None]):
    """A session or a patient was erased: erase what this service has of it, and say so as a fact of `kind`."""

    def __init__(self, kind: type[Counted]) -> None:
        self._kind = kind

    async def record(self, event: Erasure, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Erase. Idempotent: a second time counts 0, and the receipt keeps the first result."""
        counts = await erase(tx, event.erasure_id, event.patient_id, session_of(event))
        get_logger().info("erasure.rows_deleted", count=sum(counts.values()))
        return (
            self._kind(
                organization_id=event.organization_id,
                patient_id=event.patient_id,
                erasure_id=event.erasure_id,
                counts={Table(table): count for table, count in counts.items()},
            ),
        )


def erasing(kind: type[Counted]) -> tuple[Subscription, ...]:
    """Return the lines of a service's table that answer erasures."""
    step = EraseOwnRows(kind)
    return (Subscription(SessionErased, step), Subscription(PatientErased, step))
