"""`therapyrag status`: is the gateway up, and whose key is this."""

from typing import Any

from libs.ops.console import Shown
from libs.ops.rest.client import Gateway


async def status(gateway: Gateway) -> Shown:
    """Show whether the gateway is up and, with a key, who is asking."""
    url = gateway.connection.url
    health = (await gateway.health()).model_dump(mode="json")
    asking = (await gateway.me()).model_dump(mode="json") if gateway.connection.key else {}
    facts = [f"  {name.replace('_', ' ')}: {_short(value)}" for name, value in asking.items()]
    lines = [f"{url}  {health.get('status', 'up')}", *facts]
    return Shown({"url": url, "health": health, "me": asking}, "\n".join(lines))


def _short(value: Any) -> str:  # JSON
    if isinstance(value, dict):
        return " ".join(str(part) for part in value.values())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
