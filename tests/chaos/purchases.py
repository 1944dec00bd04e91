"""Which purchases at the vendor were called for: one for each session, and one for each call that failed.

Counted from the books, call by call: a call counts as failed when it ended before the vendor had heard all of it, when
the fault ordered for it kept its answer from arriving whole, or when its caller was killed, or stopped for longer than
its lease, before the words were kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.nemesis import Wound
from tests.chaos.recording_vendor import Books, Call

KEEP_WITHIN_S = 30.0
"""How long after the vendor's last byte a caller may hold the words for a database that is away; later, no excuse."""


@dataclass(frozen=True)
class Purchases:
    """All calls of a run and those that were called for; `unearned` names each session bought too often."""

    calls: int
    bought: int
    failed: int
    unearned: Sequence[str]

    @property
    def allowed(self) -> int:
        """One for each session that was bought at all, and one more for each failure that was counted."""
        return self.bought + self.failed


def purchases(
    books: Books, sounds: Mapping[str, str], wounds: Sequence[Wound], kept_at: Mapping[str, float]
) -> Purchases:
    """Count them. `sounds`: what each session sent; `kept_at`: when a session's words were kept."""
    bought, failed, unearned = 0, len(books.broken_off), []
    for session, sound in sounds.items():
        calls = books.of_sound(sound)
        reasons = [reason_of(call, wounds, kept_at.get(session)) for call in calls]
        excused = sum(1 for reason in reasons if reason)
        bought, failed = bought + bool(calls), failed + excused
        if len(calls) > 1 + excused:
            unearned.append(f"session {session}: {_story(calls, reasons, kept_at.get(session))}")
    return Purchases(len(books.calls), bought, failed, unearned)


def reason_of(call: Call, wounds: Sequence[Wound], kept_at: float | None) -> str:
    """Return why this call may be made again, or nothing."""
    if call.failed_by_order:
        return "ordered"
    until = (call.ended_at or float("inf")) + KEEP_WITHIN_S
    if kept_at is not None:
        until = min(until, kept_at)
    for wound in wounds:
        if wound.name == call.caller and call.began_at <= wound.until and wound.since <= until:
            return f"its caller was harmed ({wound.kind})"
    return ""


def _story(calls: Sequence[Call], reasons: Sequence[str], kept_at: float | None) -> str:
    start = calls[0].began_at
    told = [
        f"{call.caller} from {call.began_at - start:.2f} to {(call.ended_at or start) - start:.2f}"
        f" ({'served' if call.was_served else 'not served'}, {reason or 'no excuse'})"
        for call, reason in zip(calls, reasons, strict=True)
    ]
    return "; ".join(told) + (f"; kept at {kept_at - start:.2f}" if kept_at else "; never kept")
