"""Deletes transcripts after a revocation, unless consent is granted again within the grace period."""

from collections.abc import Sequence
from datetime import timedelta

from libs.common.clock import Clock
from libs.common.database.transaction import Transaction
from libs.common.events import Event
from libs.common.messaging.steps import Step
from libs.contracts.consent import ConsentRevoked
from libs.contracts.purposes import Purpose
from services.transcriber.ports import Withdrawals


class ScheduleTranscriptDeletion(Step[ConsentRevoked, None]):
    """Schedules the deletion of transcripts after consent to transcription is revoked."""

    def __init__(self, withdrawals: Withdrawals, clock: Clock, grace: timedelta) -> None:
        self._withdrawals = withdrawals
        self._clock = clock
        self._grace = grace

    async def record(self, event: ConsentRevoked, result: None, tx: Transaction) -> Sequence[Event]:  # noqa: ARG002
        """Schedule the deletion after the grace period; the sweep checks consent again before it deletes."""
        if event.consent_type is Purpose.TRANSCRIPTION:
            await self._withdrawals.withdraw(tx, event, self._clock() + self._grace)
        return ()
