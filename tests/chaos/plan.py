"""What a run throws at the stack: a deck of faults, shuffled and measured out by one seeded generator."""

import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tests.chaos.poison import SHAPES

SERVERS = ("valkey", "postgres", "seaweedfs")
REPLICAS: Mapping[str, int] = {"transcriber": 2, "embedder": 2}
LEASE_S = 6.0


class Kind(StrEnum):
    """What goes wrong."""

    KILL = "kill"  # kill -9 of a service's process, started again after a moment
    KILL_SERVER = "kill-server"
    FLUSHALL = "flushall"
    STOP = "stop"  # SIGSTOP for longer than a lease, then SIGCONT
    CUT = "cut"  # all connections to a server are reset
    STALL = "stall"  # no byte passes to or from a server
    REFUSE = "refuse"  # no new connection to a server
    FULL = "full"  # the object store's disk is full
    VENDOR = "vendor"  # a vendor's bad answer
    POISON = "poison"  # what is no event, in a stream


class Answer(StrEnum):
    """How a vendor fails. All but the last may be tried again."""

    BUSY = "busy"  # 429 with Retry-After
    BROKEN = "broken"  # 500
    SLOW = "slow"  # a right answer, late
    CUT = "cut"  # the connection breaks in the middle of the answer
    REFUSED = "refused"  # 402: an operator must look, the session fails


@dataclass(frozen=True)
class Blow:
    """One fault: on whom, and for how long (a killed process is down so long, a slow vendor so late)."""

    kind: Kind
    target: str
    lasts_s: float = 0.0
    answer: Answer | None = None


@dataclass(frozen=True)
class Size:
    """How much of everything. `each` says how many faults of a kind are thrown at each target of that kind."""

    name: str
    sessions: int
    patients: int
    pace_s: float
    settle_s: float
    seconds_max: float
    each: Mapping[Kind, int] = field(default_factory=dict)
    refusals: int = 2


CI = Size(
    "ci",
    sessions=300,
    patients=12,
    pace_s=0.85,
    settle_s=120.0,
    seconds_max=480.0,
    each={
        Kind.KILL: 3,
        Kind.KILL_SERVER: 5,
        Kind.FLUSHALL: 12,
        Kind.STOP: 1,
        Kind.CUT: 7,
        Kind.STALL: 4,
        Kind.REFUSE: 2,
        Kind.FULL: 4,
        Kind.VENDOR: 4,
        Kind.POISON: 2,
    },
)
SOAK = Size(
    "soak",
    sessions=6000,
    patients=120,
    pace_s=1.0,
    settle_s=180.0,
    seconds_max=7200.0,
    each={kind: number * 20 for kind, number in CI.each.items()},
    refusals=40,
)
SIZES = {size.name: size for size in (CI, SOAK)}


def size_of(environment: Mapping[str, str]) -> Size:
    """Return the size that SIZE names; `ci` unless it does."""
    return SIZES[environment.get("SIZE", "ci")]


def seed_of(environment: Mapping[str, str]) -> int:
    """Return SEED, else a new one."""
    given = environment.get("SEED")
    return int(given) if given else int.from_bytes(os.urandom(4), "big")


def deck(size: Size, processes: Sequence[str], dice: random.Random) -> list[Blow]:
    """Return all faults of a run in their order: the same for the same seed, size and names."""
    found = [
        _measured(kind, target, dice)
        for kind, number in size.each.items()
        for target in targets(kind, processes)
        for _ in range(number)
    ]
    refused = Blow(Kind.VENDOR, "deepgram", answer=Answer.REFUSED)
    found += [refused] * size.refusals
    dice.shuffle(found)
    return found


_OF_KIND: Mapping[Kind, Sequence[str]] = {
    Kind.FLUSHALL: ("valkey",),
    Kind.FULL: ("seaweedfs",),
    Kind.POISON: SHAPES,
}


def targets(kind: Kind, processes: Sequence[str]) -> Sequence[str]:
    """Return what a kind of fault can hit; for vendors the name with the way it fails, for poison its shape."""
    match kind:
        case Kind.KILL:
            return processes
        case Kind.STOP:
            return [name for name in processes if "-work" in name]
        case Kind.FLUSHALL | Kind.FULL | Kind.POISON:
            return _OF_KIND[kind]
        case Kind.VENDOR:
            failing = [answer for answer in Answer if answer is not Answer.REFUSED]
            return [f"{vendor}/{answer}" for vendor in ("deepgram", "openai") for answer in failing]
        case _:
            return SERVERS


def _measured(kind: Kind, target: str, dice: random.Random) -> Blow:
    match kind:
        case Kind.KILL | Kind.KILL_SERVER:
            return Blow(kind, target, dice.choice((0.0, 0.3, 1.0, 2.0)))
        case Kind.STOP:
            return Blow(kind, target, LEASE_S + dice.uniform(0.5, 2.0))
        case Kind.STALL:
            # Now and then longer than a lease.
            return Blow(kind, target, dice.choice((0.5, 1.5, 3.0, LEASE_S + 1.5)))
        case Kind.REFUSE | Kind.FULL:
            return Blow(kind, target, dice.uniform(1.0, 3.0))
        case Kind.VENDOR:
            vendor, _, answer = target.partition("/")
            return Blow(kind, vendor, dice.uniform(0.5, 3.0), Answer(answer))
        case _:
            return Blow(kind, target)
