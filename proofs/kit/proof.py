"""What a proof over real servers has: a size, a seed, figures, and the conditions it fails on."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, NoReturn

from libs.common.log import configure_logging
from libs.contracts.log_keys import LOG_KEYS
from libs.devstack import infra as infrastructure
from libs.devstack.infra import Infra
from proofs.kit.line import proof, seed


@dataclass(frozen=True)
class Run:
    """One run: where, and with which luck."""

    infra: Infra
    seed: int = field(default_factory=seed)

    def random(self) -> Random:
        """Return the luck of this run."""
        return Random(self.seed)  # to be repeated, not to be secret


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

    def reported(self) -> int:
        """Print the one line, and on stderr what did not hold; return the exit code."""
        for condition in self.failed:
            print(f"FAILED {self.name}: {condition}", file=sys.stderr)
        return proof(self.name, not self.failed, **self.figures)


def main(prove: Callable[[Run], Coroutine[Any, Any, Outcome]]) -> NoReturn:
    """Run a proof over servers of its own; exit 1 when a condition does not hold."""
    configure_logging("proofs", "error", LOG_KEYS)
    with infrastructure.throwaway() as infra:
        outcome = asyncio.run(prove(Run(infra)))
    raise SystemExit(outcome.reported())
