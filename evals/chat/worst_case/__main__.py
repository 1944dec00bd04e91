"""`python -m evals.chat.worst_case [--tuning] [--show]`: bad sentences delivered and true ones kept, by kind.

Judged are patients whose words no rule was fitted to; `--tuning` takes those that were, and only their words may be
shown.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from evals.chat.worst_case.reporting import reported, told_by_patients, told_by_therapists
from evals.chat.worst_case.rooms import Case, Room, answer, delivered, room
from evals.chat.worst_case.spoiling import spoiled

_CHAT = Path(__file__).parents[1]
TUNING = (_CHAT / "tuning/patient_a.json", _CHAT / "tuning/patient_b.json")
JUDGING = (_CHAT / "tuning/patient_c.json", _CHAT / "unseen/patient_one.json")
SEED = 20261130
EACH = 20
TRUE_OF_EACH = {"patient": 60, "therapist": 15}


def main() -> None:
    """Print one line for each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tuning", action="store_true")
    parser.add_argument("--show", action="store_true", help="print what failed; only of patients for tuning")
    arguments = parser.parse_args()
    rooms = [room(path) for path in (TUNING if arguments.tuning else JUDGING)]
    written = json.loads((Path(__file__).parent / "written.json").read_text())
    bad = [case for one in rooms for case in _bad(one, written)]
    _print("bad", bad, [delivered(case) for case in bad], show=arguments.show and arguments.tuning)
    for one in rooms:
        of_one, true_of_one = list(_bad(one, written)), list(_true(one, written))
        said, kept_of_one = sum(map(delivered, of_one)), sum(map(delivered, true_of_one))
        print(f"of       {one.name:28} bad {said:3} of {len(of_one):4}  true {kept_of_one:3} of {len(true_of_one):3}")
    true = [case for one in rooms for case in _true(one, written)]
    kept = [delivered(case) for case in true]
    quoted = sum(not there and answer(case).grounded for case, there in zip(true, kept, strict=True))
    _print("true", true, kept, show=arguments.show and arguments.tuning)
    print(f"true     {'shown as quotes instead':28} n {len(true):3}  {quoted:3}")


def _bad(one: Room, written: dict[str, Any]) -> Iterator[Case]:
    told = [*told_by_patients(one), *told_by_therapists(one)]
    yield from spoiled(told, Random(SEED), EACH)
    for kind, sentence, session, turns in written["bad"].get(one.name, ()):
        yield Case(f"written: {kind}", sentence, tuple(one.cite(session, turn) for turn in turns))


def _true(one: Room, written: dict[str, Any]) -> Iterator[Case]:
    random = Random(SEED)
    groups = {"patient": list(told_by_patients(one)), "therapist": list(told_by_therapists(one))}
    for name, told in groups.items():
        for each in random.sample(told, min(TRUE_OF_EACH[name], len(told))):
            yield Case(f"of the {name}, by code", reported(each, random), (each.citation,))
    for sentence, session, turns in written["true"].get(one.name, ()):
        yield Case("written", sentence, tuple(one.cite(session, turn) for turn in turns))


def _print(name: str, cases: Sequence[Case], there: Sequence[bool], *, show: bool) -> None:
    verb = "delivered" if name == "bad" else "kept"
    total, counted = Counter(case.kind for case in cases), Counter[str]()
    for case, is_there in zip(cases, there, strict=True):
        counted[case.kind] += is_there
        if show and is_there == (name == "bad"):
            first = case.citations[0]
            print(f"   {case.kind}: {case.sentence!r} <- {first.passage.turns[first.turn].text!r}")
    for kind, count in sorted(total.items()):
        print(f"{name:8} {kind:28} n {count:3}  {verb} {counted[kind]:3}")
    print(
        f"{name:8} {'all':28} n {len(cases):3}  {verb} {counted.total():3} = {100 * counted.total() / len(cases):.1f} %"
    )


if __name__ == "__main__":
    main()
