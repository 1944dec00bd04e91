"""What an entry of a stream must be to be handled: anyone may have written it, so nothing is taken for granted."""

import re
from collections.abc import Mapping

from libs.common.streams import Delivery, Fault

ENTRY_SIZE_MAX = 1_048_576
"""An event is ids and small facts; what is larger than this (bytes, all fields together) is none."""

NO_BODY = "entry-without-body"
NOT_UTF8 = "entry-not-utf-8"
TOO_LARGE = "entry-too-large"
BAD_FIELD = "entry-field-unreadable"
FAULTS = (NO_BODY, NOT_UTF8, TOO_LARGE, BAD_FIELD)
"""Why an entry is none, as its dead letter says."""

SIZE_ONLY = "_size"
"""The one field of an entry whose other fields the server kept back because they are too large."""
_NUMBER = re.compile(r"[0-9]{1,9}")
_COUNT = re.compile(r"[0-9]{1,14}")
_TRACEPARENT = re.compile(r"[0-9a-f-]{1,100}")


def delivery_of(lane: str, entry_id: str, fields: Mapping[str, str]) -> Delivery:
    """Return the entry as a delivery; one that is none has a fault, and of its body only what may be kept.

    Bytes that are not UTF-8 are expected as lone surrogates (the codec's `surrogateescape`).
    """
    body = fields.get("d", "")
    alone = len(fields) == 1 and body
    size = len(body) if alone else sum(len(name) + len(value) for name, value in fields.items())
    if size > ENTRY_SIZE_MAX or SIZE_ONLY in fields:
        kept_back = fields.get(SIZE_ONLY, "")
        return _faulty(lane, entry_id, TOO_LARGE, int(kept_back) if _NUMBER.fullmatch(kept_back) else size)
    if not body:
        return _faulty(lane, entry_id, NO_BODY, size)
    if not body.isascii() and not _is_text(body):
        return _faulty(lane, entry_id, NOT_UTF8, size, body)
    if lane == "s":
        return Delivery(lane, entry_id, body)
    attempt, epoch, previous = fields.get("n", "1"), fields.get("e", "0"), fields.get("p", "")
    if not _NUMBER.fullmatch(attempt) or not _NUMBER.fullmatch(epoch):
        return _faulty(lane, entry_id, BAD_FIELD, size, body)
    return Delivery(
        lane, entry_id, body, int(attempt), int(epoch), previous=previous if _TRACEPARENT.fullmatch(previous) else ""
    )


def number_of(text: str, otherwise: int) -> int:
    """Return the number, or Unix milliseconds, that a field of an entry says; `otherwise` when it says none."""
    return int(text) if _COUNT.fullmatch(text) else otherwise


def bytes_in(body: str) -> int:
    """Return the size of a body as it is in the stream."""
    return len(body.encode("utf-8", "surrogateescape"))


def _faulty(lane: str, entry_id: str, why: str, size_bytes: int, body: str = "") -> Delivery:
    return Delivery(lane, entry_id, body, fault=Fault(why, size_bytes))


def _is_text(body: str) -> bool:
    try:
        body.encode()
    except UnicodeEncodeError:
        return False
    return True
