"""The authority a piece of work acts under, carried beside it so that no call site can forget it.

The token is opaque here: the database verifies it, and whoever mints it knows its grammar.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from libs.common.errors import UNAUTHENTICATED, AppError

# Of a task and those it starts, never of the process: requests run side by side.
_current: ContextVar[str | None] = ContextVar("capability", default=None)


@contextmanager
def acting_under(token: str) -> Iterator[None]:
    """Do the enclosed work under this capability."""
    mark = _current.set(token)
    try:
        yield
    finally:
        _current.reset(mark)


def held() -> str | None:
    """Return the capability in force, or None."""
    return _current.get()


def current() -> str:
    """Return the capability in force; raise UNAUTHENTICATED when there is none."""
    token = _current.get()
    if token is None:
        raise AppError(UNAUTHENTICATED, "The transaction needs a capability, and none is in force.")
    return token
