"""An organization whose patients' sessions are indexed through the whole system, with Deepgram's fake for the ears."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from libs.contracts.purposes import Purpose
from libs.devstack.stack import Stack, StackOptions
from libs.devstack.vendors import deepgram
from libs.devstack.vendors.asgi_server import serve
from libs.ops.rest.client import Gateway, Recording
from libs.ops.rest.connection import Connection
from proofs.kit.organizations import recording

SPOKEN = Path(__file__).parents[2] / "evals" / "chat" / "tuning" / "patient_a.json"


@dataclass
class IndexedOrganization:
    """Who may be asked about, and the key that asks."""

    url: str
    key: str
    patients: list[str] = field(default_factory=list)


def spoken(sessions: int) -> list[list[deepgram.Turn]]:
    """Return what was said in the first sessions of a made-up patient, as the vendor hears it."""
    raw = json.loads(SPOKEN.read_text())["sessions"][:sessions]
    return [[(int(speaker == "patient"), text) for speaker, text in session["turns"]] for session in raw]


async def indexed_organization(
    stack: Stack, heard: list[deepgram.Turn], size: tuple[int, int], folder: Path
) -> IndexedOrganization:
    """Index `size` (patients, sessions of each) through the API; `heard` is what the vendor's fake hears next."""
    patients, sessions = size
    async with Gateway(Connection(stack.gateway_url, operator_token=stack.operator_token)) as operator:
        made = await operator.bootstrap("benchmark of the chat", "benchmark")
    found = IndexedOrganization(stack.gateway_url, made.api_key)
    async with Gateway(Connection(stack.gateway_url, made.api_key)) as gateway:
        therapist = (await gateway.add_user("therapist", "therapist@example.org")).id
        for number in range(patients):
            patient = (await gateway.add_user("patient", f"patient-{number}@example.org")).id
            for purpose in (Purpose.RECORDING, Purpose.TRANSCRIPTION, Purpose.AI_ANALYSIS):
                await gateway.grant(patient, therapist, purpose, "I agree.")
            found.patients.append(patient)
        for day, dialogue in enumerate(spoken(sessions), start=1):
            heard[:] = dialogue
            await asyncio.gather(*(_indexed(gateway, patient, therapist, day, folder) for patient in found.patients))
    return found


async def _indexed(gateway: Gateway, patient: str, therapist: str, day: int, folder: Path) -> None:
    path = folder / f"{patient}-{day}.wav"
    path.write_bytes(recording())
    session = await gateway.upload(Recording(path, patient, therapist, f"2026-09-{day:02}T15:00:00Z"))
    async for seen in gateway.settled(session):
        status = seen.status
    if status != "ready":
        raise RuntimeError(f"A session ended as {status}.")


@asynccontextmanager
async def stack_that_hears(heard: Sequence[deepgram.Turn]) -> AsyncIterator[Stack]:
    """Run the system with local models and the vendor's fake."""
    with serve(deepgram.DeepgramFake(dialogue=heard).app()) as recognition:
        options = StackOptions(
            per_service={
                "transcriber": {"DEEPGRAM_API_KEY": deepgram.KEY, "DEEPGRAM_BASE_URL": recognition},
                "gateway": {"REQUESTS_PER_HOUR": "1000000"},
            },
            env="test",
            vendor_keys=False,
        )
        with Stack.running(options=options) as stack:
            yield stack
