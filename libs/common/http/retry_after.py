"""The one reader of Retry-After (RFC 9110 section 10.2.3)."""

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

WAIT_MAX_S = 3600.0
"""An outside party may ask for any wait; ours ends after an hour."""
_NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?")


def retry_after_s(stated: str | None, now: datetime) -> float | None:
    """Return the seconds to wait, from 0 to WAIT_MAX_S: stated as a number or as a date; None if it is neither.

    Fractions of a second are taken too: some vendors send them, though the RFC has none.
    """
    text = (stated or "").strip()
    # Not what `float` takes besides: "1_0", "inf", digits of other scripts.
    seconds = float(text) if _NUMBER.fullmatch(text) else _until(text, now)
    return min(max(seconds, 0.0), WAIT_MAX_S) if math.isfinite(seconds) else None


def _until(date: str, now: datetime) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return math.nan
    # A date without a zone is in GMT: HTTP has no other.
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()
