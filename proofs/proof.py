"""What every proof has: a size, a seed, one line of figures, and the conditions it fails on."""

import asyncio
import os
import secrets
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, NoReturn

from libs.common.log import configure_logging
from libs.contracts.log_keys import LOG_KEYS
from libs.devstack import infra as infrastructure
from libs.devstack.infra import Infra

SEED_BITS = 32


@dataclass(frozen=True)
class Run:
    """One run: where, how large, and with which luck."""

    infra: Infra
    seed: int = field(default_factory=lambda: secrets.randbits(SEED_BITS))
    soak: bool = False

    def random(self) -> Random:
        """Return the luck of this run."""
        return Random(self.seed)  # to be repeated, not to be secret

    def size(self, ci: int, soak: int) -> int:
        """Return how large something is."""
        return soak if self.soak else ci


@dataclass(frozen=True)
class Outcome:
    """What was seen. `holds` names each condition of the proof and whether it held."""

    name: str
    figures: Mapping[str, int | float | str]
    holds: Mapping[str, bool]

    @property
    def failed(self) -> list[str]:
        """The conditions that did not hold."""
        return [condition for condition, held in self.holds.items() if not held]

    def line(self) -> str:
        """Return the one line that is printed."""
        figures = {"result": "FAILED" if self.failed else "ok", **self.figures}
        return " ".join(["PROOF", self.name, *(f"{key}={value}" for key, value in figures.items())])


def main(prove: Callable[[Run], Coroutine[Any, Any, Outcome]]) -> NoReturn:
    """Run a proof over servers of its own; exit 1 when a condition does not hold."""
    configure_logging("proofs", "error", LOG_KEYS)
    with infrastructure.throwaway() as infra:
        seed = os.environ.get("SEED")
        soak = os.environ.get("SIZE") == "soak"
        outcome = asyncio.run(prove(Run(infra, int(seed), soak) if seed else Run(infra, soak=soak)))
    print(outcome.line())
    for condition in outcome.failed:
        print(f"FAILED {outcome.name}: {condition}", file=sys.stderr)
    raise SystemExit(1 if outcome.failed else 0)
