"""Proof `revoke`: a revoked key is dead at every gateway when the call returns, with gateways paused and Redis killed.

Keys are pressed without pause at three gateways, themselves and by a patient's token that each has minted, while they
are revoked. Between rounds one gateway is stopped (SIGSTOP) while others revoke, or Redis is killed. A request that was
sent after the revoke call had returned and got anything but a 401 counts as accepted; so does one later than a second
after the call began, whoever answered it.
"""

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from libs.devstack import infra as infrastructure
from libs.devstack.servers import valkey
from proofs.kit.fleet import Fleet, fleet
from proofs.kit.line import proof, seed, sized

GATEWAYS = 3
KEYS, KEYS_TINY, KEYS_SOAK = 60, 9, 1200
KEYS_A_ROUND = 3
MODES = ("calm", "paused", "without redis")
ANYWHERE_MAX_S = 1.0
PRESSED_BEFORE_S, PRESSED_AFTER_S = 0.2, 0.3
WAIT_MAX_S = 15.0
PAUSE_S = 0.05
SCOPES = ["sessions:read", "patients:tokens", "chat:delegate"]
_REFUSED = 401


@dataclass(frozen=True)
class Sent:
    """One request that was answered with something else than a 401."""

    gateway: int
    at: float
    answered_at: float


@dataclass
class Pressed:
    """One key, what was let in with it, and when it was revoked."""

    id: str
    credentials: list[tuple[str, str]]
    accepted: list[Sent] = field(default_factory=list)
    asked: int = 0
    refused_at: set[int] = field(default_factory=set)
    called_at: float = 0.0
    returned_at: float = 0.0

    @property
    def late(self) -> list[Sent]:
        """What was accepted although it was sent after the call had returned."""
        return [sent for sent in self.accepted if sent.at > self.returned_at]

    @property
    def accepted_at(self) -> set[int]:
        """Which gateways have let it in."""
        return {sent.gateway for sent in self.accepted}

    @property
    def lasted_s(self) -> float:
        """How long after the call began a request was sent that was still accepted, anywhere."""
        return max(0.0, max((sent.at for sent in self.accepted), default=0.0) - self.called_at)


@dataclass
class Organization:
    """An organization at a fleet, and a client to every gateway of it."""

    fleet: Fleet
    clients: list[httpx.AsyncClient]
    key: dict[str, str]
    patient_id: str = ""

    async def new_key(self) -> Pressed:
        """Make a key and a patient's token of it."""
        http = self.clients[0]
        body = {"name": "to be revoked", "scopes": SCOPES}
        made = (await http.post("/api/v1/api-keys", json=body, headers=self.key)).raise_for_status().json()
        own = {"Authorization": f"Bearer {made['api_key']}"}
        token = await http.post(f"/api/v1/patients/{self.patient_id}/tokens", headers=own)
        conversations = f"/api/v1/conversations?patient_id={self.patient_id}"
        # /docs asks who it is and nothing more: there a gateway that remembered a key would show at once. Behind the
        # others the database refuses as well.
        credentials = [(made["api_key"], path) for path in ("/docs", "/api/v1/me", conversations)]
        return Pressed(made["id"], [*credentials, (token.raise_for_status().json()["token"], conversations)])

    async def press(self, key: Pressed, gateway: int, until: asyncio.Event) -> None:
        """Use one key at one gateway, by all its credentials in turn, until told to stop."""
        number = gateway
        while not until.is_set():
            credential, path = key.credentials[number % len(key.credentials)]
            number += 1
            # Before it is sent: only what was sent after the call returned may count against it.
            at = time.monotonic()
            answer = await self.clients[gateway].get(path, headers={"Authorization": f"Bearer {credential}"})
            key.asked += 1
            if answer.status_code == _REFUSED:
                key.refused_at.add(gateway)
            else:
                key.accepted.append(Sent(gateway, at, time.monotonic()))
            await asyncio.sleep(PAUSE_S)

    async def revoke(self, key: Pressed, gateway: int) -> None:
        """Revoke, and note when the call began and returned."""
        key.called_at = time.monotonic()
        answer = await self.clients[gateway].delete(f"/api/v1/api-keys/{key.id}", headers=self.key)
        key.returned_at = time.monotonic()
        answer.raise_for_status()


async def _round(organization: Organization, mode: str, luck: Random) -> list[Pressed]:
    keys = [await organization.new_key() for _ in range(KEYS_A_ROUND)]
    until, victim = asyncio.Event(), luck.randrange(GATEWAYS)
    paused = organization.fleet.processes[victim]
    awake = [number for number in range(GATEWAYS) if mode != "paused" or number != victim]
    servers = organization.fleet.infra.servers
    async with asyncio.TaskGroup() as tasks:
        for key in keys:
            for gateway in range(GATEWAYS):
                tasks.create_task(organization.press(key, gateway, until))
        await _until(lambda: all(len(key.accepted_at) == GATEWAYS for key in keys))
        # So that the revocation meets requests at any point of their way.
        await asyncio.sleep(luck.random() * PRESSED_BEFORE_S)
        try:
            if mode == "paused":
                paused.signal(signal.SIGSTOP)
            elif mode == "without redis":
                servers.kill(valkey.NAME)
            await asyncio.gather(*(organization.revoke(key, luck.choice(awake)) for key in keys))
            # Paused or without Redis for a while longer: a gateway that wakes late must refuse too.
            await asyncio.sleep(luck.random() * PRESSED_AFTER_S)
        finally:
            # A stopped process could not even be ended.
            paused.signal(signal.SIGCONT)
        await asyncio.sleep(PRESSED_AFTER_S)
        await _until(lambda: all(len(key.refused_at) == GATEWAYS for key in keys))
        until.set()
    if mode == "without redis":
        servers.start_again(valkey.NAME)  # blocks, which hurts nobody: between rounds nothing is asked
    return keys


async def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_MAX_S
    while not holds() and time.monotonic() < deadline:  # noqa: ASYNC110 - many tasks make it true together
        await asyncio.sleep(PAUSE_S)


async def _pressed(gateways: Fleet, keys_max: int, luck: Random) -> dict[str, list[Pressed]]:
    by_mode: dict[str, list[Pressed]] = {mode: [] for mode in MODES}
    key = {"Authorization": f"Bearer {await gateways.new_organization('revoke')}"}
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(httpx.AsyncClient(base_url=url, trust_env=False, timeout=60))
            for url in gateways.urls
        ]
        organization = Organization(gateways, clients, key)
        body = {"role": "patient", "email": "p@example.org"}
        made = await clients[0].post("/api/v1/users", json=body, headers=key)
        organization.patient_id = made.raise_for_status().json()["id"]
        for number in range(0, keys_max, KEYS_A_ROUND):
            mode = MODES[(number // KEYS_A_ROUND) % len(MODES)]
            by_mode[mode] += await _round(organization, mode, luck)
    return by_mode


def run(keys_max: int, number: int) -> int:
    """Revoke that many keys; print the line and return the exit code."""
    with infrastructure.throwaway() as infra, fleet(infra, "gateway", GATEWAYS) as gateways:
        by_mode = asyncio.run(_pressed(gateways, keys_max, Random(number)))
    keys = [key for found in by_mode.values() for key in found]
    late = sum(len(key.late) for key in keys)
    lasted = max(key.lasted_s for key in keys)
    # A key that no gateway let in before, or refused after, would prove nothing.
    idle = sum(1 for key in keys if min(len(key.accepted_at), len(key.refused_at)) < GATEWAYS)
    calls = sorted(key.returned_at - key.called_at for key in keys)
    figures: dict[str, Any] = {
        "keys": len(keys),
        "gateways": GATEWAYS,
        "paused": len(by_mode["paused"]),
        "without_redis": len(by_mode["without redis"]),
        "requests": sum(key.asked for key in keys),
        "accepted_after_return": late,
        "lasted_max_ms": round(lasted * 1000),
        "call_p50_ms": round(calls[len(calls) // 2] * 1000),
        "call_max_ms": round(calls[-1] * 1000),
        "idle": idle,
        "seed": number,
    }
    good = late == 0 and lasted <= sized(60.0, ANYWHERE_MAX_S, ANYWHERE_MAX_S) and idle == 0 and len(keys) >= keys_max
    return proof("revoke", good, **figures)


if __name__ == "__main__":
    raise SystemExit(run(sized(KEYS_TINY, KEYS, KEYS_SOAK), seed()))
