"""How an IP address and a language are written: canonical and bounded, so that neither carries free text."""

import re
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, Field

IP_CHARS_MAX = 45
"""An IPv6 address whose end is written as IPv4 is the longest."""
LANGUAGE_TAG = r"^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?$"
"""BCP 47 as far as language, script and region go.

Its further parts (variants, extensions, private use) are free text, and a tag travels in events and stands in tables
that hold no words.
"""


def canonical_ip(text: str) -> str:
    """Return the one way of writing this address; raise ValueError when it is none."""
    return str(ip_address(text))


IpText = Annotated[str, Field(max_length=IP_CHARS_MAX, pattern=r"^[0-9A-Fa-f:.]+$"), AfterValidator(canonical_ip)]
"""An address without the zone that an IPv6 address may have, which is free text."""


def is_language_tag(text: str) -> bool:
    """Tell whether this names a language."""
    return re.fullmatch(LANGUAGE_TAG, text) is not None
