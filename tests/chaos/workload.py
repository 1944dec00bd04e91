"""What integrators do meanwhile: upload, try again as a good client does, and take consents back."""

import asyncio
import hashlib
import io
import json
import random
import time
import wave
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from libs.contracts.purposes import Purpose
from libs.devstack.stack import Stack
from tests.e2e.client import World

ORGANIZATIONS = 3
UPLOADERS = 24
SAMPLE_RATE = 8000
TRY_FOR_S = 300.0
"""Longer than the faults of the small run: who sends it gives up only when nothing excuses the silence any more."""
REQUEST_TIMEOUT_S = 15.0
WAIT_MAX_S = 2.0
CUT_OFF_WAIT_S = (0.1, 1.0)
REVOKE_AGAIN_S = 0.3
ACCEPTED, REFUSED = 202, 403
# Worth another try with the same key; 409 is said while the first request may still be running.
AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})


@dataclass
class Patient:
    """A patient of an organization, and the consent that ends in the middle of the run, if one does."""

    world: World
    id: str
    consents: dict[Purpose, str]
    revokes: Purpose | None = None
    revoking_since: float | None = None
    revoked_at: float | None = None


@dataclass
class Upload:
    """One recording, and what became of the attempts to send it."""

    number: int
    patient: Patient
    sound: bytes
    tries: int = 0
    session_id: str | None = None
    refused: int | None = None
    ended: str = ""
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def heard(self) -> str:
        """The digest by which a vendor's books know it."""
        return hashlib.sha256(self.sound).hexdigest()


@dataclass
class Workload:
    """All patients and all uploads of one run."""

    patients: Sequence[Patient]
    dice: random.Random
    uploads: list[Upload] = field(default_factory=list)

    @property
    def accepted(self) -> list[Upload]:
        """The uploads that were answered with 202."""
        return [upload for upload in self.uploads if upload.session_id is not None]

    async def send(self, sessions: int, within_s: float) -> None:
        """Upload until so many were accepted, spread over the time; some consents are taken back on the way."""
        revoking = [patient for patient in self.patients if patient.revokes]
        marks = {round(sessions * (n + 1) / (len(revoking) + 1)): who for n, who in enumerate(revoking)}
        began, every_s = time.monotonic(), within_s / sessions
        async with asyncio.TaskGroup() as tasks:
            for _ in range(UPLOADERS):
                tasks.create_task(self._keep_sending(sessions, (began, every_s), marks))

    async def _keep_sending(self, sessions: int, times: tuple[float, float], marks: dict[int, Patient]) -> None:
        began, every_s = times
        async with _client(self.patients[0].world.url) as http:
            while sum(1 for upload in self.uploads if upload.refused is None) < sessions:
                upload = self._next()
                # By a timetable, so that an outage is followed by a rush, as in life.
                await asyncio.sleep(max(0.0, began + upload.number * every_s - time.monotonic()))
                if (who := marks.pop(upload.number, None)) is not None:
                    await _revoke(http, who)
                await _send(http, upload, self.dice)

    def _next(self) -> Upload:
        willing = [patient for patient in self.patients if patient.revoking_since is None]
        number = len(self.uploads)
        upload = Upload(number, self.dice.choice(willing), sound_of(self.dice))
        self.uploads.append(upload)
        return upload


async def open_organizations(stack: Stack, patients: int, dice: random.Random) -> Workload:
    """Make organizations and consenting patients; a quarter of the patients will take something back."""
    organizations = [await World.open(stack.gateway_url, stack.operator_token) for _ in range(ORGANIZATIONS)]
    found = []
    for number in range(patients):
        world = organizations[number % ORGANIZATIONS]
        if number >= ORGANIZATIONS:
            world.patient_id = (await world.gateway.add_user("patient", f"p{number}@example.org")).id
        given = {purpose: consent.id for purpose, consent in (await world.consents()).items()}
        revokes = tuple(Purpose)[number // 4 % 3] if number % 4 == 3 else None
        found.append(Patient(world, world.patient_id, given, revokes))
    for world in organizations:
        await world.close()
    return Workload(found, dice)


def sound_of(dice: random.Random) -> bytes:
    """Return a second of noise that no other upload has, as a WAV."""
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(1)
        wav.setframerate(SAMPLE_RATE)
        wav.writeframes(dice.randbytes(SAMPLE_RATE))
    return file.getvalue()


async def _send(http: httpx.AsyncClient, upload: Upload, dice: random.Random) -> None:
    """Send until it is accepted or refused for good, always under the same Idempotency-Key."""
    patient = upload.patient
    form = {
        "patient_id": patient.id,
        "therapist_id": patient.world.therapist_id,
        "session_date": "2026-09-08T15:00:00Z",
        "language": "en",
        "metadata": json.dumps({"upload": upload.number}),
    }
    headers = {"Authorization": f"Bearer {patient.world.key}", "Idempotency-Key": f"upload-{upload.number}"}
    deadline = time.monotonic() + TRY_FOR_S
    while time.monotonic() < deadline:
        upload.tries += 1
        try:
            answer = await http.post(
                "/api/v1/sessions", headers=headers, data=form, files={"file": ("sound.wav", upload.sound, "audio/wav")}
            )
        except httpx.TransportError as error:
            upload.ended = type(error).__name__
            upload.reasons[upload.ended] += 1
            await asyncio.sleep(dice.uniform(*CUT_OFF_WAIT_S))
            continue
        if answer.status_code == ACCEPTED:
            upload.session_id = answer.json()["session_id"]
            return
        upload.ended = f"{answer.status_code} {answer.text[:200]}"
        upload.reasons[f"{answer.status_code} {answer.json().get('detail', '')}"] += 1
        if answer.status_code not in AGAIN:
            upload.refused = answer.status_code
            return
        await asyncio.sleep(_wait_s(answer) * dice.uniform(0.5, 1.0))


async def _revoke(http: httpx.AsyncClient, patient: Patient) -> None:
    """Take a consent back; done once it is answered, however often that takes."""
    assert patient.revokes is not None
    patient.revoking_since = time.time()
    path = f"/api/v1/consents/{patient.consents[patient.revokes]}/revoke"
    headers = {"Authorization": f"Bearer {patient.world.key}", "Idempotency-Key": f"revoke-{patient.id}"}
    while True:
        try:
            answer = await http.post(path, headers=headers, json={})
        except httpx.TransportError:
            await asyncio.sleep(REVOKE_AGAIN_S)
            continue
        if answer.status_code == httpx.codes.OK or answer.json().get("type", "").endswith("/already-revoked"):
            patient.revoked_at = time.time()
            return
        await asyncio.sleep(_wait_s(answer))


def _wait_s(answer: httpx.Response) -> float:
    stated = answer.headers.get("retry-after", "1")
    return min(WAIT_MAX_S, float(stated) if stated.isdigit() else 1.0)


def _client(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, trust_env=False, timeout=REQUEST_TIMEOUT_S)
