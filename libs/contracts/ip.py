"""How an IP address is written in a request: without the zone of an IPv6 address, which is free text."""

from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, Field


def canonical(text: str) -> str:
    """Return the one way of writing this address; raise ValueError when it is none."""
    return str(ip_address(text))


IpText = Annotated[str, Field(max_length=45, pattern=r"^[0-9A-Fa-f:.]+$"), AfterValidator(canonical)]
