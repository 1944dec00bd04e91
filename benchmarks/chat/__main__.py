"""`python -m benchmarks.chat [--patients N] [--sessions N] [--asks N]`: answers without a language model.

Questions go through the gateway to the chat, the embedder and PostgreSQL, 1, 10 and 100 at a time; in turns with them
the same questions go to a bare search (embed, the nearest 16 vectors of the same model in memory): the least that any
chat of this kind does. CPU is that of all services. SIZE=tiny asks three questions.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import httpx
import numpy as np

from benchmarks.chat.organization import SPOKEN, IndexedOrganization, indexed_organization, spoken, stack_that_hears
from libs.devstack.stack import Stack
from libs.devstack.vendors.deepgram import Turn
from libs.sentences.minilm import Runtime, SentenceEncoder

AT_ONCE = (1, 10, 100)
NEAREST = 16
DEADLINE_S = 120.0
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Size:
    """How much is measured: no patient may send more than 20 messages an hour, in all rows together."""

    patients: int = 20
    sessions: int = 4
    asks: int = 120


TINY = Size(patients=1, sessions=1, asks=3)
Ask = Callable[[str, str], Awaitable[float]]


def main() -> None:
    """Measure over a system of its own and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in vars(Size()).items():
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    size = TINY if os.environ.get("SIZE") == "tiny" else Size(given.patients, given.sessions, given.asks)
    print(
        f"chat  patients {size.patients}  sessions of each {size.sessions}  questions a row {size.asks}  {SPOKEN.name}"
    )
    asyncio.run(_measured(size))


async def _measured(size: Size) -> None:
    heard: list[Turn] = []
    with tempfile.TemporaryDirectory() as folder:
        async with stack_that_hears(heard) as stack:
            found = await indexed_organization(stack, heard, (size.patients, size.sessions), Path(folder))
            bare = await _bare(size, Path(folder))
            headers = {"Authorization": f"Bearer {found.key}"}
            async with httpx.AsyncClient(base_url=found.url, headers=headers, timeout=DEADLINE_S) as http:
                await _rows(stack, found, size, {"ours": _asking(http), "bare search": bare})
                print(f"first sentence      p50 {1000 * await _first_sentence(http, found):7.1f} ms")


async def _rows(stack: Stack, found: IndexedOrganization, size: Size, ways: dict[str, Ask]) -> None:
    """Ask in every way at every concurrency; a line for each."""
    questions = _questions()
    await ways["ours"](found.patients[0], questions[0])  # The first question of all loads what later ones find loaded.
    for at_once in (1,) if size == TINY else AT_ONCE:
        for name, ask in ways.items():
            pairs = list(islice(zip(cycle(found.patients), cycle(questions)), size.asks))
            before = _cpu_s(stack)
            took, failed, wall_s = await _asked(ask, pairs, at_once)
            spent = 1000 * (_cpu_s(stack) - before) / len(pairs)
            cpu = f"  CPU {spent:6.1f} ms" if name == "ours" else ""
            print(
                f"{name:12} {at_once:3} at once  p50 {_share(took, 0.5):7.1f} ms  p95 {_share(took, 0.95):7.1f} ms"
                f"  {len(pairs) / wall_s:6.1f}/s  failed {failed}{cpu}"
            )


async def _asked(ask: Ask, pairs: Sequence[tuple[str, str]], at_once: int) -> tuple[list[float], int, float]:
    """Return the seconds of each answer in order of length, how many failed, and the seconds of all."""
    took: list[float] = []
    left = iter(pairs)
    failed = 0

    async def several() -> None:
        nonlocal failed
        for patient, question in left:
            try:
                took.append(await ask(patient, question))
            except httpx.HTTPError:
                failed += 1

    began = time.perf_counter()
    await asyncio.gather(*(several() for _ in range(at_once)))
    return sorted(took), failed, time.perf_counter() - began


def _asking(http: httpx.AsyncClient) -> Ask:
    async def ask(patient: str, question: str) -> float:
        began = time.perf_counter()
        answer = await http.post("/api/v1/chat", json={"patient_id": patient, "message": question})
        answer.raise_for_status()
        return time.perf_counter() - began

    return ask


async def _bare(size: Size, folder: Path) -> Ask:
    """Return a search in memory over the turns of one patient, with the same model and nothing around it."""
    encoder = SentenceEncoder(Runtime(None, folder))
    vectors = np.array(await encoder.encode([text for session in spoken(size.sessions) for _, text in session]))

    async def ask(patient: str, question: str) -> float:  # noqa: ARG001 - it knows one patient
        began = time.perf_counter()
        [vector] = await encoder.encode([question])
        np.argsort(vectors @ np.array(vector))[-NEAREST:]
        return time.perf_counter() - began

    return ask


async def _first_sentence(http: httpx.AsyncClient, found: IndexedOrganization) -> float:
    """Return the median seconds until the first words of a streamed answer."""
    took = []
    for patient, question in zip(cycle(found.patients), _questions()[:9]):
        began = time.perf_counter()
        body = {"patient_id": patient, "message": question}
        async with http.stream("POST", "/api/v1/chat", json=body, headers={"Accept": "text/event-stream"}) as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                if line == "event: token":
                    took.append(time.perf_counter() - began)
                    break
    return sorted(took)[len(took) // 2]


def _questions() -> list[str]:
    asked = json.loads(SPOKEN.read_text())["questions"]
    return [one["ask"] for one in asked if one["expects"] == "answer" and one["turns"] and one["follows"] is None]


def _share(took: Sequence[float], share: float) -> float:
    return 1000 * took[min(len(took) - 1, int(len(took) * share))] if took else float("nan")


def _cpu_s(stack: Stack) -> float:
    """Return the CPU seconds that the services have used so far."""
    return sum(_used(process.pid) for process in stack.processes.values())


def _used(pid: int) -> float:
    # proc(5): user and system time are the 14th and 15th fields; the name before them may hold spaces.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND


if __name__ == "__main__":
    main()
