"""`therapyrag status`: is the gateway up, and whose key is this."""

from libs.ops.client import Gateway
from libs.ops.console import Shown


async def status(gateway: Gateway) -> Shown:
    """Show whether the gateway is up and, with a key, who is asking."""
    url = gateway.connection.url
    health = (await gateway.health()).model_dump(mode="json")
    asking = (await gateway.me()).model_dump(mode="json") if gateway.connection.key else {}
    lines = [f"{url}  {health.get('status', 'up')}", *(f"  {name}: {value}" for name, value in asking.items())]
    return Shown({"url": url, "health": health, "me": asking}, "\n".join(lines))
