"""What it costs to ask PostgreSQL about a key on every request, which is what a cache of keys would save.

`python -m benchmarks.key_check [requests]` prints milliseconds per look, alone and sixteen at a time, beside the whole
request that it is a part of (GET /api/v1/me, over HTTP).
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

import httpx

from libs.common.clock import utc_now
from libs.common.database.transaction import Database
from libs.common.ids import new_id
from libs.contracts.capability import Minter
from libs.devstack import infra as infrastructure
from libs.devstack.infra import Infra
from proofs.kit.fleet import fleet
from services.gateway.access.authentication import Authenticator
from services.gateway.access.authority import Authority
from services.gateway.access.patient_tokens import TokenSigner
from services.gateway.key_format import Peppers

REQUESTS = 1000
AT_ONCE = 16


async def _timed(one: Callable[[], Awaitable[object]], times: int, at_once: int) -> list[float]:
    """Do it so often; return how many milliseconds each took, sorted."""
    took: list[float] = []

    async def several() -> None:
        for _ in range(times // at_once):
            began = time.perf_counter()
            await one()
            took.append((time.perf_counter() - began) * 1000)

    await asyncio.gather(*(several() for _ in range(at_once)))
    return sorted(took)


def _said(what: str, took: list[float]) -> str:
    return f"{what:<40} p50 {took[len(took) // 2]:7.2f} ms   p99 {took[len(took) * 99 // 100]:7.2f} ms"


async def _measured(infra: Infra, url: str, key: str, times: int) -> list[str]:
    database = Database(infra.database_url("gateway"))
    authority = Authority(Minter(infra.capability_key_id, infra.capability_key), utc_now, new_id)
    peppers = Peppers(1, bytes.fromhex(infra.folder.secret("key_pepper")))
    authenticator = Authenticator(database, authority, TokenSigner(None, utc_now), peppers)
    headers = {"authorization": f"Bearer {key}"}
    lines = []
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=60) as http:
        for at_once in (1, AT_ONCE):
            look = await _timed(lambda: authenticator.identify(headers), times, at_once)
            whole = await _timed(lambda: http.get("/api/v1/me"), times, at_once)
            lines += [_said(f"the look at a key, {at_once} at once", look)]
            lines += [_said(f"GET /api/v1/me whole, {at_once} at once", whole)]
    await database.close()
    return lines


def main() -> None:
    """Measure over servers of its own."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS
    with infrastructure.throwaway() as infra, fleet(infra, "gateway", 1, {"REQUESTS_PER_HOUR": "1000000"}) as gateways:
        key = asyncio.run(gateways.new_organization("key check"))
        print("\n".join(asyncio.run(_measured(infra, gateways.urls[0], key, times))))


if __name__ == "__main__":
    main()
