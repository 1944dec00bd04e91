"""Counts and logs dead letters: which entry, how large and why, never its content."""

from libs.common import metrics
from libs.common.log import get_logger
from libs.common.streams.entries import bytes_in
from libs.common.streams.port import DeadLetterReason, Delivery, Outlet


async def dead_letter(channel: Outlet, delivery: Delivery, reason: DeadLetterReason) -> None:
    """Move an entry to its group's dead letters, if it still is ours, and say so."""
    if await channel.dead_letter(delivery, reason):
        size_bytes = delivery.fault.size_bytes if delivery.fault else bytes_in(delivery.body)
        say_dead((channel.topic, channel.group), reason.code, delivery.entry_id, size_bytes)


def say_dead(labels: tuple[str, str], why: str, entry_id: str, size_bytes: int) -> None:
    """Count and log a dead letter of a topic and group."""
    metrics.DEAD.labels(*labels).inc()
    topic, group = labels
    get_logger().error(
        "event.dead_lettered", topic=topic, group=group, problem=why, entry_id=entry_id, size_bytes=size_bytes
    )
