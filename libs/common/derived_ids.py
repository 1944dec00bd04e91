"""Ids derived from their cause, for what must not happen twice. Nothing here draws randomness or reads a clock."""

from uuid import UUID, uuid5


def derived_id(cause: UUID, *names: str) -> UUID:
    """Return the same UUIDv5 for the same cause and names, so that a replay makes no second id."""
    return uuid5(cause, "\x1f".join(names))
