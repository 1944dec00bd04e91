"""The verbs of the tests of the whole system: an organization of its own per test, spoken to as an integrator would."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import httpx

from libs.common.http.client import certificates
from libs.contracts.purposes import Purpose
from libs.ops.rest.client import Gateway, Recording
from libs.ops.rest.connection import Connection
from libs.ops.rest.wire import Consent, Session

SAMPLES = Path(__file__).parents[2] / "samples"
FIRST = SAMPLES / "2026-09-08_first.mp3"
SECOND = SAMPLES / "2026-09-22_second.m4a"
READY_WITHIN_S = 240.0
T = TypeVar("T")


async def eventually(
    look: Callable[[], Awaitable[T]], holds: Callable[[T], bool], within_s: float = 30.0, every_s: float = 0.1
) -> T:
    """Look until it holds; fail with what was seen last."""
    deadline = time.monotonic() + within_s
    while True:
        seen = await look()
        if holds(seen):
            return seen
        assert time.monotonic() < deadline, f"did not hold within {within_s} s"
        await asyncio.sleep(every_s)


@dataclass
class World:
    """One organization with a therapist and a patient, and its gateway."""

    url: str
    key: str
    gateway: Gateway
    therapist_id: str
    patient_id: str

    @staticmethod
    async def open(url: str, operator_token: str) -> "World":
        """Bootstrap a new organization."""
        operator = Gateway(Connection(url=url, key=None, operator_token=operator_token))
        async with operator:
            made = await operator.bootstrap(f"organization {uuid4().hex[:8]}", "e2e")
        gateway = Gateway(Connection(url=url, key=made.api_key, operator_token=None))
        therapist = await gateway.add_user("therapist", f"t-{uuid4().hex}@example.org")
        patient = await gateway.add_user("patient", f"p-{uuid4().hex}@example.org")
        return World(url, made.api_key, gateway, therapist.id, patient.id)

    async def close(self) -> None:
        """Close the connections."""
        await self.gateway.__aexit__(None, None, None)

    async def consents(self, *purposes: Purpose) -> dict[Purpose, Consent]:
        """The patient consents to these purposes, to all if none is named."""
        return {
            purpose: await self.gateway.grant(self.patient_id, self.therapist_id, purpose, f"I agree to {purpose}.")
            for purpose in purposes or tuple(Purpose)
        }

    async def uploads(self, path: Path = FIRST, session_date: str = "2026-09-08T15:00:00Z") -> str:
        """Upload a recording; return the session's id."""
        return await self.gateway.upload(Recording(path, self.patient_id, self.therapist_id, session_date))

    async def settled(self, session_id: str, status: str) -> Session:
        """Wait until the session has this status."""
        return await eventually(
            lambda: self.gateway.session(session_id), lambda session: session.status == status, READY_WITHIN_S, 0.3
        )

    def http(self, key: str | None = None) -> httpx.AsyncClient:
        """Return a bare client with this organization's key, for requests that no well-behaved client sends."""
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=30, verify=certificates())
