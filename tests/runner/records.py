"""What a worker tells the runner, as lines of JSON."""

import json
from dataclasses import asdict, dataclass, field
from typing import TextIO


@dataclass(frozen=True)
class Collected:
    """How many tests a worker found; all workers find the same."""

    tests: int


@dataclass(frozen=True)
class Begun:
    """A worker has taken a unit."""

    unit: str


@dataclass(frozen=True)
class Failed:
    """A test, or a file that cannot be read, failed just now. `text` is what is shown, `whole` all of it."""

    test: str
    text: str
    whole: str


@dataclass(frozen=True)
class Skipped:
    """A test was skipped, and why."""

    test: str
    why: str


@dataclass(frozen=True)
class Done:
    """A unit has ended. `broken` are tests whose set-up or clean-up failed."""

    unit: str
    stage: str
    wall_s: float
    cpu_s: float
    outcomes: dict[str, int] = field(default_factory=dict)


Record = Collected | Begun | Failed | Skipped | Done
_KINDS = {kind.__name__: kind for kind in (Collected, Begun, Failed, Skipped, Done)}


def tell(channel: TextIO, record: Record) -> None:
    """Write a record."""
    channel.write(json.dumps({"kind": type(record).__name__, **asdict(record)}) + "\n")
    channel.flush()


def read(line: str) -> Record:
    """Read a line that `tell` wrote."""
    content = json.loads(line)
    record: Record = _KINDS[content.pop("kind")](**content)
    return record
