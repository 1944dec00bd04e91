"""How a fact is shown: ids, numbers, words of our own; never a capability, never what reads like a sentence."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from libs.common.clock import to_json_time
from libs.common.errors import AppError
from libs.common.events import Envelope
from libs.common.messaging.archive import Fact
from libs.common.streams.admin import TIMESTAMP_MS_MAX
from libs.contracts.capability import parse
from libs.contracts.catalogue import EVENTS

_KNOWN = {event.type: frozenset(event.model_fields) for event in EVENTS}
_PLAIN = re.compile(r"[A-Za-z0-9_.:+/-]{1,80}")
_TENTHS_SHOWN_BELOW_S = 10
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_HEADERS = ("traceparent", "cause")


def shown(fact: Fact) -> dict[str, Any]:
    """Return what an operator may see of a fact."""
    envelope = fact.envelope
    return {
        "service": fact.schema,
        "position": f"{fact.position.xid}:{fact.position.seq}",
        **shown_envelope(envelope),
    }


def shown_envelope(envelope: Envelope) -> dict[str, Any]:
    """Return what an operator may see of an event."""
    # The capability is left out: whoever sees it could act under it.
    headers = {name: plain(envelope.headers[name]) for name in _HEADERS if name in envelope.headers}
    expires_at = expiry(envelope)
    return {
        "id": str(envelope.id),
        "topic": plain(envelope.topic),
        "type": plain(envelope.type),
        "version": envelope.version,
        "key": plain(envelope.key),
        "at": to_json_time(envelope.at),
        "payload": _payload(envelope),
        "headers": headers,
        "capability_expires_at": to_json_time(expires_at) if expires_at else None,
    }


def expiry(envelope: Envelope) -> datetime | None:
    """Return when the event's capability ends; None when it carries none that can be read."""
    try:
        return parse(envelope.headers.get("capability", "")).expires_at
    except AppError:
        return None


def session_of(envelope: Envelope) -> UUID | None:
    """Return the session an event is about, if it is about one."""
    return _id(envelope.payload, "session_id")


def subject_of(envelope: Envelope) -> dict[str, UUID | None]:
    """Return the ids of those an event is about."""
    names = ("organization_id", "patient_id", "therapist_id", "session_id")
    return {name: _id(envelope.payload, name) for name in names}


def ago(span: timedelta | None) -> str:
    """Return a length of time as a person says it."""
    if span is None:
        return "-"
    seconds = span.total_seconds()
    if seconds < _TENTHS_SHOWN_BELOW_S:
        return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
    # A unit goes on for two of the next one: "90 s" says more than "2 min".
    for size, unit, next_size in ((1, "s", _MINUTE_S), (_MINUTE_S, "min", _HOUR_S), (_HOUR_S, "h", _DAY_S)):
        if seconds < 2 * next_size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / _DAY_S:.0f} d"


def plain(text: str) -> str:
    """Return an id or a word of ours; anybody may have written something else, for a person or a terminal to read."""
    return text if _PLAIN.fullmatch(text) else "redacted"


def at_ms(milliseconds: int) -> datetime:
    """Return the time of a server's clock."""
    return datetime.fromtimestamp(min(TIMESTAMP_MS_MAX, milliseconds) / 1000, UTC)


def _payload(envelope: Envelope) -> dict[str, Any]:
    known = _KNOWN.get(envelope.type, frozenset())
    return {name: _value(name, value, name in known) for name, value in envelope.payload.items()}


def _value(name: str, value: Any, is_known: bool) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    is_plain = isinstance(value, str) and _PLAIN.fullmatch(value) is not None
    # Anybody with the stream's password can write an event: what is not of our vocabulary is not shown.
    return value if is_plain and (is_known or name.endswith("_id")) else "redacted"


def _id(payload: Mapping[str, Any], name: str) -> UUID | None:
    try:
        return UUID(str(payload[name]))
    except (KeyError, ValueError):
        return None
