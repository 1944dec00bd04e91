"""Proof `limit1000`: a key makes 1000 requests in any hour over three gateways, never 1001 and never fewer.

After the quota is spent time moves on, by making the entries of the window older in Redis, to just before half of them
leave, so that they leave one by one while the key is used. In the end Redis is killed: each gateway gives its own
share and not one more.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx
from redis import Redis

from libs.devstack import infra as infrastructure
from libs.devstack.servers import valkey
from proofs.kit.fleet import Fleet, fleet
from proofs.kit.line import is_soak, proof, seed
from proofs.limits.sliding import Attempt, Sliding

GATEWAYS = 3
QUOTA, HOUR_S = 1000, 3600.0
SHARE, SHARE_TRIES = 40, 55
TRIES_TO_SPEND = 1060
BURSTS, BURSTS_SOAK = 3, 40
BURST = 240
AT_ONCE = 24
BEFORE_THE_EDGE_S = 0.1
MICROSECONDS = 1_000_000
_OK, _FULL = 200, 429


@dataclass
class Key:
    """One key, the gateways, and what came of its requests."""

    id: str
    clients: Sequence[httpx.AsyncClient]
    redis: "Redis"
    window: Sliding = field(default_factory=lambda: Sliding(QUOTA, HOUR_S))
    moved_us: int = 0
    other: int = 0
    _known: set[int] = field(default_factory=set)

    async def used(self, times: int) -> int:
        """Use it so often, several at once, in turn at every gateway; return how often it was let in."""
        places, passed = asyncio.Semaphore(AT_ONCE), 0

        async def one(number: int) -> None:
            nonlocal passed
            async with places:
                sent_at = time.time()
                answer = await self.clients[number % len(self.clients)].get("/api/v1/me")
            if answer.status_code == _FULL:
                moved_s = self.moved_us / MICROSECONDS
                self.window.refused.append(Attempt(sent_at + moved_s, time.time() + moved_s))
            passed += answer.status_code == _OK
            self.other += answer.status_code not in (_OK, _FULL)

        await asyncio.gather(*(one(number) for number in range(times)))
        return passed

    def note_admitted(self) -> int:
        """Read from Redis what was let in since the last look; return how many."""
        new = {entry + self.moved_us for entry in self._entries()} - self._known
        self._known |= new
        self.window.admitted += [at / MICROSECONDS for at in new]
        return len(new)

    def moves_to_the_edge(self, luck: Random) -> None:
        """Let time pass until one of the entries, by luck, is about to leave."""
        entries = self._entries()
        leaves_at = luck.choice(entries[: len(entries) // 2]) / MICROSECONDS + HOUR_S
        edge = round((leaves_at - time.time() - BEFORE_THE_EDGE_S) * MICROSECONDS)
        older = [str(entry - edge) for entry in entries]
        with self.redis.pipeline() as pipe:
            pipe.delete(self._name)
            pipe.rpush(self._name, *older)
            pipe.execute()
        self.moved_us += edge

    @property
    def _name(self) -> str:
        return f"trk:{self.id}"

    def _entries(self) -> list[int]:
        found: Any = self.redis.lrange(self._name, 0, -1)
        return [int(entry) for entry in found]


async def _new_key(gateways: Fleet, redis: "Redis") -> Key:
    admin = {"Authorization": f"Bearer {await gateways.new_organization('limit1000')}"}
    async with httpx.AsyncClient(base_url=gateways.urls[0], headers=admin, trust_env=False, timeout=60) as http:
        made = await http.post("/api/v1/api-keys", json={"name": "busy", "scopes": ["sessions:read"]})
        body = made.raise_for_status().json()
    own = {"Authorization": f"Bearer {body['api_key']}"}
    clients = [httpx.AsyncClient(base_url=url, headers=own, trust_env=False, timeout=60) for url in gateways.urls]
    return Key(body["id"], clients, redis)


async def _proved(gateways: Fleet, bursts: int, luck: Random) -> tuple[Key, dict[str, int]]:
    with Redis.from_url(gateways.infra.redis_url) as redis:
        key = await _new_key(gateways, redis)
        # What the gateways say they let in must be what Redis remembers, or the times below would prove nothing.
        unseen = await key.used(TRIES_TO_SPEND) - key.note_admitted()
        for _ in range(bursts):
            key.moves_to_the_edge(luck)
            unseen += await key.used(BURST) - key.note_admitted()
        alone = await _new_key(gateways, redis)
        gateways.infra.servers.kill(valkey.NAME)
        shares = await alone.used(SHARE_TRIES * GATEWAYS)
        for client in (*key.clients, *alone.clients):
            await client.aclose()
    return key, {"alone_admitted": shares, "unseen": unseen, "other_answers": key.other + alone.other}


def run(bursts: int, number: int) -> int:
    """Spend a key's quota and slide on so many times; print the line and return the exit code."""
    share = {"REQUESTS_PER_HOUR_LOCAL": str(SHARE)}
    with infrastructure.throwaway() as infra, fleet(infra, "gateway", GATEWAYS, share) as gateways:
        key, more = asyncio.run(_proved(gateways, bursts, Random(number)))
    window = key.window
    figures = {
        "gateways": GATEWAYS,
        "admitted": len(window.admitted),
        "refused": len(window.refused),
        "over_admitted": max(0, window.worst() - QUOTA),
        "worst_hour": window.worst(),
        "wrongly_refused": window.wronged(),
        "shares": SHARE * GATEWAYS,
        **more,
        "seed": number,
    }
    good = window.worst() == QUOTA and not window.wronged() and more["alone_admitted"] == SHARE * GATEWAYS
    return proof("limit1000", good and not more["unseen"] and not more["other_answers"], **figures)


if __name__ == "__main__":
    raise SystemExit(run(BURSTS_SOAK if is_soak() else BURSTS, seed()))
