"""Validates raw stream entries; their writers are not trusted."""

import re
from collections.abc import Mapping, Sequence

from libs.common.streams.port import Delivery, Fault

ENTRY_SIZE_MAX = 1_048_576
"""The size limit of an entry in bytes, all fields together: an event is ids and small values."""

NO_BODY = "entry-without-body"
NOT_UTF8 = "entry-not-utf-8"
TOO_LARGE = "entry-too-large"
BAD_FIELD = "entry-field-unreadable"
FAULTS = (NO_BODY, NOT_UTF8, TOO_LARGE, BAD_FIELD)
"""Reason codes of entries that are not events."""

SIZE_ONLY = "_size"
"""The one field of an entry whose other fields the server kept back because they are too large."""
_NUMBER = re.compile(r"[0-9]{1,9}")
_COUNT = re.compile(r"[0-9]{1,14}")
_TRACEPARENT = re.compile(r"[0-9a-f-]{1,100}")


def delivery_of(lane: str, entry_id: str, fields: Mapping[str, str]) -> Delivery:
    """Return the entry as a delivery; an invalid one has a fault, and of its body only what may be stored.

    Bytes that are not UTF-8 are expected as lone surrogates (the codec's `surrogateescape`).
    """
    body = fields.get("d", "")
    if lane == "s" and len(fields) == 1 and 0 < len(body) <= ENTRY_SIZE_MAX and body.isascii():
        return Delivery(lane, entry_id, body)  # what nearly all are, as quickly as it can be told
    attempt, epoch, previous = fields.get("n", "1"), fields.get("e", "0"), fields.get("p", "")
    if fault := _fault_of(body, fields, (attempt, epoch) if lane == "r" else ()):
        kept = body if fault.why in (NOT_UTF8, BAD_FIELD) else ""
        return Delivery(lane, entry_id, kept, fault=fault)
    if lane == "s":
        return Delivery(lane, entry_id, body)
    if not _TRACEPARENT.fullmatch(previous):
        previous = ""
    return Delivery(lane, entry_id, body, int(attempt), int(epoch), previous=previous)


def _fault_of(body: str, fields: Mapping[str, str], numbers: Sequence[str]) -> Fault | None:
    size = sum(len(name) + len(value) for name, value in fields.items())
    if SIZE_ONLY in fields or size > ENTRY_SIZE_MAX:
        return Fault(TOO_LARGE, number_of(fields.get(SIZE_ONLY, ""), size))
    if not body:
        return Fault(NO_BODY, size)
    if not body.isascii() and not _is_text(body):
        return Fault(NOT_UTF8, size)
    if not all(map(_NUMBER.fullmatch, numbers)):
        return Fault(BAD_FIELD, size)
    return None


def number_of(text: str, otherwise: int) -> int:
    """Return the number, or Unix milliseconds, in a field of an entry; `otherwise` when it holds none."""
    return int(text) if _COUNT.fullmatch(text) else otherwise


def bytes_in(body: str) -> int:
    """Return the size of a body as it is in the stream."""
    return len(body.encode("utf-8", "surrogateescape"))


def _is_text(body: str) -> bool:
    try:
        body.encode()
    except UnicodeEncodeError:
        return False
    return True
