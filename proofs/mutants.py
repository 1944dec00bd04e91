"""Proof `mutants`: each control of SECURITY.md is taken away once, and each time the proof it belongs to must notice.

    .venv/bin/python -m proofs.mutants [NAME ...]     # of some, with what the proofs print; SEED=n to repeat

Each defect (proofs/planted) is put into a copy of the sources, in which the proof that must notice it runs in its
smallest size, with servers of its own. It must say of itself that its figure does not hold: a copy that breaks at an
import, in a set-up or for another reason has shown nothing. Each of those proofs must hold in a copy without a defect.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum

from proofs.line import proof, seed
from proofs.planted import consent, isolation, keys, ledger, recordings, traces
from proofs.planting import ByProof, ByTest, Mutant
from proofs.running import Said, proof_said, tests_said

FAMILIES = (isolation, ledger, consent, keys, recordings, traces)
PLANTED: tuple[Mutant, ...] = tuple(mutant for family in FAMILIES for mutant in family.MUTANTS)
PLANTED_MIN = 30
LANES = 2


class Fate(StrEnum):
    """What became of a defect."""

    CAUGHT = "caught"
    SURVIVED = "survived"
    BROKE = "broke"


def judged(mutant: Mutant, said: Said, sound: Said) -> Fate:
    """Compare what was said with the defect and without."""
    if said.held is None:
        return Fate.BROKE
    if said.held:
        return Fate.SURVIVED
    if isinstance(mutant.by, ByProof) and said.figures.get(mutant.by.figure) == sound.figures.get(mutant.by.figure):
        return Fate.BROKE
    return Fate.CAUGHT


def run(mutants: Sequence[Mutant], chosen: int, *, shown: bool = False) -> int:
    """Plant each alone; print the line and return the exit code. `shown`: also print what the proofs printed."""
    started = time.monotonic()
    modules = {mutant.by.name for mutant in mutants if isinstance(mutant.by, ByProof)}
    tests = {mutant.by.name for mutant in mutants if isinstance(mutant.by, ByTest)}
    with ThreadPoolExecutor(LANES) as lanes:
        # All tests without a defect share one run, and so one set of servers.
        sound_tests = lanes.submit(tests_said, sorted(tests), (), chosen)
        sound_proofs = {module: lanes.submit(proof_said, module, (), chosen) for module in sorted(modules)}
        # The long ones first, so that the lanes end together.
        order = sorted(mutants, key=lambda mutant: isinstance(mutant.by, ByTest))
        found = {mutant.name: lanes.submit(_said, mutant, chosen) for mutant in order}
    sound = {**sound_tests.result(), **{module: one.result() for module, one in sound_proofs.items()}}
    said = [found[mutant.name].result() for mutant in mutants]
    fates = [judged(mutant, one, sound[mutant.by.name]) for mutant, one in zip(mutants, said, strict=True)]
    _complain(sound)
    for mutant, fate, one in zip(mutants, fates, said, strict=True):
        if shown or fate is not Fate.CAUGHT:
            sys.stderr.write(f"{one.output}\n{fate}: {mutant.name} ({mutant.control}) by {mutant.by.name}\n")
    held = sum(one.held is True for one in sound.values())
    return proof(
        "mutants", fates.count(Fate.CAUGHT) == len(mutants) and held == len(sound), planted=len(mutants),
        **{fate.value: fates.count(fate) for fate in Fate}, controls=f"{held}/{len(sound)}",
        seconds=round(time.monotonic() - started), seed=chosen,
    )  # fmt: skip


def _said(mutant: Mutant, chosen: int) -> Said:
    if isinstance(mutant.by, ByProof):
        return proof_said(mutant.by.module, mutant.edits, chosen)
    return tests_said([mutant.by.name], mutant.edits, chosen)[mutant.by.name]


def _complain(sound: Mapping[str, Said]) -> None:
    for name, one in sound.items():
        if one.held is not True:
            sys.stderr.write(f"{one.output}\ndoes not hold without a defect: {name}\n")


def main() -> int:
    """Run all, or those that are named."""
    wanted = sys.argv[1:]
    chosen = [mutant for mutant in PLANTED if not wanted or mutant.name in wanted]
    if unknown := set(wanted) - {mutant.name for mutant in chosen}:
        sys.stderr.write(f"no such defect: {', '.join(sorted(unknown))}\n")
        return 2
    return run(chosen, seed(), shown=bool(wanted))


if __name__ == "__main__":
    sys.exit(main())
