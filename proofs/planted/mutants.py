"""Proof `mutants`: each control is taken away once, and each time the proof it belongs to must notice.

The page about it is docs/security/planted-defects.md.

    .venv/bin/python -m proofs.planted.mutants [NAME ...]     # of some, with what the proofs print; SEED=n to repeat

Each defect (proofs/planted) is put into a copy of the sources, in which the proof that must notice it runs in its
smallest size, with a database, a bucket and streams of its own. It must say of itself that its figure does not hold: a
copy that breaks at an import, in a set-up or for another reason has shown nothing. Each of those proofs must hold in a
copy without a defect.
"""

import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path

from proofs.kit.line import proof, seed
from proofs.planted import consent, events, isolation, keys, ledger, recordings, release, times, traces
from proofs.planted.planting import ByProof, ByTest, Mutant, Sources
from proofs.planted.running import Runner, Said
from proofs.planted.shared_servers import shared_servers

FAMILIES = (isolation, ledger, consent, release, keys, recordings, times, traces, events)
PLANTED: tuple[Mutant, ...] = tuple(mutant for family in FAMILIES for mutant in family.MUTANTS)
LANES = 2


class Fate(StrEnum):
    """What became of a defect. It broke something when a proof could not end, or failed for another reason."""

    CAUGHT = "caught"
    SURVIVED = "survived"
    BROKE = "broke"


def fate_of(mutant: Mutant, said: Said, sound: Said) -> Fate:
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
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, shared_servers(LANES) as sets:
        outcomes, sound = _all_said(Runner(Sources(Path(folder)), chosen, sets), mutants)
    fates = {mutant.name: fate_of(mutant, outcomes[mutant.name], sound[mutant.by.name]) for mutant in mutants}
    for name, without in sound.items():
        if without.held is not True:
            sys.stderr.write(f"{without.output}\ndoes not hold without a defect: {name}\n")
    for mutant in mutants:
        fate, output = fates[mutant.name], outcomes[mutant.name].output
        if shown or fate is not Fate.CAUGHT:
            sys.stderr.write(f"{output}\n{fate}: {mutant.name} ({mutant.control}) by {mutant.by.name}\n")
    counts = {fate.value: list(fates.values()).count(fate) for fate in Fate}
    held = sum(without.held is True for without in sound.values())
    good = counts["caught"] == len(mutants) > 0 and held == len(sound)
    return proof(
        "mutants", good, planted=len(mutants), **counts, controls=f"{held}/{len(sound)}",
        seconds=round(time.monotonic() - started), seed=chosen,
    )  # fmt: skip


def _all_said(runner: Runner, mutants: Sequence[Mutant]) -> tuple[Mapping[str, Said], Mapping[str, Said]]:
    """Run them, the long ones first; return what was said with each defect, and without by each proof and test."""
    modules = sorted({mutant.by.name for mutant in mutants if isinstance(mutant.by, ByProof)})
    tests = sorted({mutant.by.name for mutant in mutants if isinstance(mutant.by, ByTest)})
    with ThreadPoolExecutor(LANES) as lanes, _all_or_nothing(runner, lanes):
        proofs_hold = [lanes.submit(runner.proof, module) for module in modules]
        # All tests without a defect share one run, and so one set of servers.
        tests_hold = lanes.submit(runner.tests, tests)
        order = sorted(mutants, key=lambda mutant: isinstance(mutant.by, ByTest))
        found = {mutant.name: lanes.submit(_said, runner, mutant) for mutant in order}
        sound = {module: one.result() for module, one in zip(modules, proofs_hold, strict=True)}
        return {name: one.result() for name, one in found.items()}, {**sound, **tests_hold.result()}


@contextlib.contextmanager
def _all_or_nothing(runner: Runner, lanes: ThreadPoolExecutor) -> Iterator[None]:
    """Whoever interrupts this waits for nothing that has not begun, and nothing goes on."""
    try:
        yield
    except BaseException:
        lanes.shutdown(wait=False, cancel_futures=True)
        runner.stop()
        raise


def _said(runner: Runner, mutant: Mutant) -> Said:
    if isinstance(mutant.by, ByProof):
        return runner.proof(mutant.by.module, mutant.edits)
    return runner.tests([mutant.by.name], mutant.edits)[mutant.by.name]


def main() -> int:
    """Run all, or those that are named."""
    wanted = set(sys.argv[1:])
    if unknown := wanted - {mutant.name for mutant in PLANTED}:
        sys.stderr.write(f"no such defect: {', '.join(sorted(unknown))}\n")
        return 2
    chosen = [mutant for mutant in PLANTED if not wanted or mutant.name in wanted]
    return run(chosen, seed(), shown=bool(wanted))


if __name__ == "__main__":
    sys.exit(main())
