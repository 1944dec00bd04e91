"""`python -m evals.chat [--patients FILE ...]`: prints one line a figure; never a message or an answer.

Message kinds and answers by kind, of the sets that nobody who tunes has read. Crisis and time have their own commands.
"""

import argparse
import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from evals.chat.answers import ask_all, table
from evals.chat.patients import read
from evals.chat.stand import standing
from libs.sentences.minilm import Runtime, SentenceEncoder
from services.chat.domain.message_kind import MessageKind
from services.chat.heads import MessageHeads
from services.chat.vendors.local_extractive import ExtractiveAnswerer

UNSEEN = Path(__file__).parent / "unseen"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", nargs="*", type=Path, default=[UNSEEN / "patient_one.json"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        asyncio.run(_measure(arguments.patients, Path(cache)))


async def _measure(patients: Sequence[Path], cache: Path) -> None:
    reader = MessageHeads(SentenceEncoder(Runtime(None, cache, threads=2)))
    await _print_kinds(reader)
    async with standing([read(path) for path in patients], cache) as arounds:
        for around in arounds:
            judged = [one async for one in ask_all(around, reader, ExtractiveAnswerer())]
            print(f"answers  {around.indexed.file.name}")
            print("\n".join(table(judged)))


async def _print_kinds(reader: MessageHeads) -> None:
    rows = json.loads((UNSEEN / "messages.json").read_text())
    right: Counter[str] = Counter()
    for row in rows:
        # A follow-up is told from other messages only where there is something to follow.
        kind = (await reader.read(row["text"])).decide(has_history=row["kind"] == MessageKind.FOLLOW_UP)
        right[row["kind"]] += kind == row["kind"]
    for name, count in sorted(Counter(row["kind"] for row in rows).items()):
        print(f"kinds    {name:32} n {count:3}  right {right[name]:3}")
    print(
        f"kinds    {'all':32} n {len(rows):3}  right {sum(right.values()):3} = {100 * right.total() / len(rows):.1f} %"
    )


if __name__ == "__main__":
    main()
