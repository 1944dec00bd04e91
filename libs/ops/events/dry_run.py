"""What a replayed event would come to in a group, before it is sent: applied, a no-op and why, or better not sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.common.clock import utc_now
from libs.common.messaging.archive import Fact
from libs.ops.events.answers import ANSWERS
from libs.ops.events.facts import expiry, session_of
from libs.ops.operator_tools import OperatorTools
from libs.ops.store import SessionNow

ERASED = "erased"


class ReplayDecision(StrEnum):
    """What becomes of one event. The first three are sent."""

    NEW = "would-be-applied"
    APPLIED = "already-applied"
    CONSENT = "consent-not-in-force"
    EXPIRED = "capability-expired"
    SETTLED = "already-applied-and-expired"
    ERASED = "session-erased-or-unknown"
    UNANSWERED = "not-answered-by-this-group"

    @property
    def is_sent(self) -> bool:
        """Tell whether the group gets the event as it is."""
        return self in (ReplayDecision.NEW, ReplayDecision.APPLIED, ReplayDecision.CONSENT)

    @property
    def meaning(self) -> str:
        """Return the reason in words."""
        return _MEANINGS[self]


_MEANINGS = {
    ReplayDecision.NEW: "sent; the group has not applied it",
    ReplayDecision.APPLIED: "sent; a no-op, because the group's inbox has it in this epoch",
    ReplayDecision.CONSENT: "sent; a no-op, because consent is not in force: recorded as withheld",
    ReplayDecision.EXPIRED: "not sent unless OPERATOR_TOKEN is set: its capability has expired, and is asked for anew",
    ReplayDecision.SETTLED: "not sent: the group has applied it, and its capability has expired",
    ReplayDecision.ERASED: "not sent: its session was erased or never existed",
    ReplayDecision.UNANSWERED: "not sent: this group answers no such event",
}


async def judged(
    tools: OperatorTools, facts: Sequence[Fact], group: str, epoch: int
) -> list[tuple[Fact, ReplayDecision]]:
    """Return each fact with its fate, as things are now."""
    answered = [fact for fact in facts if fact.envelope.type in ANSWERS[group]]
    ids = [fact.envelope.id for fact in answered]
    applied = await tools.archive.applied(group, ids) if ids else []
    done = {note.event_id for note in applied if note.epoch == epoch and note.group == group}
    about = {session for fact in answered if (session := session_of(fact.envelope)) is not None}
    sessions = await tools.store.sessions(about) if about else {}
    known = _Known(done, sessions, utc_now())
    return [(fact, _fate(fact, group, known)) for fact in facts]


@dataclass(frozen=True)
class _Known:
    """What was looked up for all of them at once: the events that are done, their sessions, and the time."""

    done: set[UUID]
    sessions: dict[UUID, SessionNow]
    now: datetime


def _fate(fact: Fact, group: str, known: _Known) -> ReplayDecision:
    answer = ANSWERS[group].get(fact.envelope.type)
    if answer is None:
        return ReplayDecision.UNANSWERED
    session_id = session_of(fact.envelope)
    session = known.sessions.get(session_id) if session_id else None
    if session_id is not None and not answer.answers_after_erasure and (session is None or session.status == ERASED):
        return ReplayDecision.ERASED
    expires_at = expiry(fact.envelope)
    # Even an event that is only to be acknowledged must be able to open a transaction.
    has_expired = expires_at is None or expires_at <= known.now
    if fact.envelope.id in known.done:
        return ReplayDecision.SETTLED if has_expired else ReplayDecision.APPLIED
    if has_expired:
        return ReplayDecision.EXPIRED
    if session is not None and not session.purposes.issuperset(answer.purposes):
        return ReplayDecision.CONSENT
    return ReplayDecision.NEW
