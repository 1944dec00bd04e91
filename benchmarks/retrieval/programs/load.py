"""So many clients ask one question after another for so many seconds: the same for everybody, on any packages."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

# Takes a question's number, returns the chunks found, best first.
Ask = Callable[[int], Awaitable[Sequence[int]]]
SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


async def measured(
    ask: Ask, answers: Sequence[Sequence[int]], clients: Sequence[int], seconds: float
) -> dict[str, Any]:
    """Return recall, the share of answers with too few rows, and the milliseconds for each number of clients."""
    found = [list(await ask(number)) for number in range(len(answers))]
    pairs = list(zip(found, answers, strict=True))
    recall = sum(len(set(seen) & set(exact)) / len(exact) for seen, exact in pairs) / len(pairs)
    too_few = sum(len(seen) < len(exact) for seen, exact in pairs) / len(pairs)
    loads = {str(number): await _load(ask, len(answers), number, seconds) for number in clients}
    return {"recall": recall, "too_few": too_few, "loads": loads}


async def _load(ask: Ask, questions: int, clients: int, seconds: float) -> dict[str, float]:
    times: list[float] = []
    began = time.perf_counter()

    async def one(client: int) -> None:
        number = client * 31
        while time.perf_counter() - began < seconds:
            start = time.perf_counter()
            await ask(number % questions)
            times.append(1000 * (time.perf_counter() - start))
            number += 1

    await asyncio.gather(*(one(client) for client in range(clients)))
    took, ordered = time.perf_counter() - began, sorted(times)
    shares = {name: ordered[int(share * (len(ordered) - 1))] for name, share in SHARES.items()}
    return shares | {"rate": len(times) / took}
