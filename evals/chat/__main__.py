"""`python -m evals.chat [annomi.jsonl]`: prints one line a figure, and what went wrong, to be read."""

import argparse
import asyncio
import tempfile
from pathlib import Path

from evals.chat import abstention, crisis

# The halves of the list by place.
HALVES = {"even": slice(0, None, 2), "odd": slice(1, None, 2)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("conversations", nargs="?", type=Path, help="a file of AnnoMI (JSON lines)")
    parser.add_argument("--models-dir", type=Path, help="where the embedding model is, if not in its package")
    arguments = parser.parse_args()
    for written in crisis.LISTS:
        _print_gate(written, crisis.on_phrases(written))
    if arguments.conversations:
        turns, alarms = crisis.on_conversations(arguments.conversations)
        print(
            f"crisis  false alarms  {arguments.conversations.name}  client turns {turns}  alarms {alarms}"
            f"  = {1000 * alarms / turns:.1f} per 1000"
        )
    asyncio.run(_abstention(arguments.models_dir))


def _print_gate(name: str, gate: crisis.Gate) -> None:
    print(
        f"crisis  {name:9}  {crisis.PHRASES.name}  crises {gate.crises}  calm {gate.calm}"
        f"  recall {gate.recall:.2f}  precision {gate.precision:.2f}"
    )
    for phrase in gate.missed:
        print(f"        missed:   {phrase}")
    for phrase in gate.alarmed:
        print(f"        alarmed:  {phrase}")


async def _abstention(models_dir: Path | None) -> None:
    with tempfile.TemporaryDirectory() as cache:
        archive = abstention.Archive(models_dir, Path(cache))
        await archive.fill()
        for name, half in HALVES.items():
            _print_silence(name, await abstention.measure(archive, half))


def _print_silence(name: str, found: abstention.Silence) -> None:
    print(
        f"answers {name:9}  {abstention.QUESTIONS.name}  answered {found.answered}/{found.answerable}"
        f"  right first {found.right_first}  right among quotes {found.right_among}"
        f"  false answers {len(found.false_answers)}/{found.unanswerable}"
    )
    for text in found.unanswered:
        print(f"        silent:   {text}")
    for text in found.false_answers:
        print(f"        invented: {text}")


if __name__ == "__main__":
    main()
