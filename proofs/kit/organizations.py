"""Organizations with patients, words and keys of every kind; in each of their texts stands a word nobody can guess."""

import asyncio
import io
import secrets
import struct
import wave
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx

from libs.contracts.purposes import Purpose
from libs.devstack.stack import Stack, StackOptions
from libs.devstack.vendors import deepgram, openai
from libs.devstack.vendors.asgi_server import serve
from libs.devstack.vendors.faults import Faults
from services.gateway.domain import Scope

POST_TRIES_MAX = 4
RETRY_AFTER_MAX_S = 5.0
READY_WITHIN_S = 120
OPENAI_KEY = "sk-proof"
UNREADABLE = "a sound that no vendor can read"
"""What a recording says of itself that Deepgram's fake refuses."""
_OK_BELOW = 400


# Said at the end of every session, so that there is a commitment to read and to correct.
_COMMITMENT = (
    (0, "Could you write down one worry every evening before we meet next week?"),
    (1, "Okay, I'll try that."),
)


@contextmanager
def stack_on_fakes() -> Iterator[Stack]:
    """Run the whole system on the vendors' fakes; a key may ask as often as it likes."""
    ears = Faults(deepgram.DeepgramFake(dialogue=(*deepgram.DIALOGUE, *_COMMITMENT)).app())
    ears.instead(UNREADABLE.encode(), deepgram.problem(400, "Bad Request", "corrupt or unsupported data"))
    with serve(ears) as recognition, serve(openai.OpenAIFake(OPENAI_KEY).app()) as embedding:
        options = StackOptions(
            per_service={
                "transcriber": {
                    "DEEPGRAM_API_KEY": deepgram.KEY,
                    "DEEPGRAM_BASE_URL": recognition,
                    "DEEPGRAM_RETRY_WAIT_S": "1",
                },
                "embedder": {"OPENAI_API_KEY": OPENAI_KEY, "OPENAI_BASE_URL": f"{embedding}/v1"},
                "gateway": {"REQUESTS_PER_HOUR": "1000000"},
            },
            env="test",
            vendor_keys=False,
        )
        with Stack.running(options=options) as stack:
            yield stack


@dataclass
class Patient:
    """One patient: the word that stands in every text about them, and a token of their own."""

    id: str
    canary: str
    token: str = ""


@dataclass
class Organization:
    """One organization. `credentials` by name; `ids` by the name of the parameter they fill.

    `canary` is the organization's word, `sent` the one its callers write later, also in their patients' names.
    `kept` are ids that its own callers leave alone, so that there are words to be found to the end.
    """

    canary: str
    sent: str = field(default_factory=lambda: canary("sent"))
    key: str = ""
    patients: list[Patient] = field(default_factory=list)
    credentials: dict[str, str] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=dict)
    kept: dict[str, list[str]] = field(default_factory=dict)

    def know(self, kind: str, value: str) -> None:
        """Remember an id."""
        self.ids.setdefault(kind, []).append(value)

    @property
    def canaries(self) -> list[str]:
        """All words of this organization."""
        return [self.canary, self.sent, *(patient.canary for patient in self.patients)]


def canary(kind: str) -> str:
    """Return a word that nobody can guess and no search engine splits."""
    return f"{kind}{secrets.token_hex(12)}"


def recording(title: str = "") -> bytes:
    """Return a second of noise as WAV, unlike any other; the title stands in it as recorders write one."""
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(secrets.token_bytes(16_000))
    plain = made.getvalue()
    if not title:
        return plain
    text = title.encode() + bytes(2 - len(title.encode()) % 2)
    chunk = b"INFOINAM" + struct.pack("<I", len(text)) + text
    body = plain[12:36] + b"LIST" + struct.pack("<I", len(chunk)) + chunk + plain[36:]
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


class Founder:
    """Makes organizations through the public API, as an integrator would. `word` makes the words in their texts."""

    def __init__(self, http: httpx.AsyncClient, operator_token: str, word: Callable[[str], str] | None = None) -> None:
        self._http = http
        self._operator = operator_token
        self._word = word or canary

    async def found(self) -> Organization:
        """Make one with two patients, a therapist and a key for every scope."""
        organization = Organization(self._word("org"), self._word("sent"))
        body = {"name": organization.canary, "admin_key_name": organization.canary}
        made = await self._post(self._operator, "/operator/v1/organizations", body)
        organization.key = made["api_key"]
        organization.know("organization_id", made["organization_id"])
        organization.credentials["everything"] = organization.key
        await self._keys(organization)
        therapist = await self._user(organization, "therapist", organization.canary)
        organization.know("therapist_id", therapist)
        for _ in range(2):
            await self._patient(organization, therapist)
        spare = Patient(await self._user(organization, "patient", self._word("pat")), organization.canary)
        organization.know("spare_patient_id", spare.id)
        granted = await self._post(organization.key, "/api/v1/consents", _grant(spare, therapist, Purpose.RECORDING))
        organization.know("consent_id", granted["id"])
        return organization

    async def _keys(self, organization: Organization) -> None:
        for scope in Scope:
            body = {"name": organization.canary, "scopes": [scope.value]}
            organization.credentials[scope.value] = (await self._post(organization.key, "/api/v1/api-keys", body))[
                "api_key"
            ]
        spare = await self._post(
            organization.key, "/api/v1/api-keys", {"name": organization.canary, "scopes": ["sessions:read"]}
        )
        organization.know("key_id", spare["id"])

    async def _user(self, organization: Organization, role: str, word: str) -> str:
        body = {"role": role, "email": f"{word}@example.org", "external_id": word}
        made = await self._post(organization.key, "/api/v1/users", body)
        organization.know("user_id", made["id"])
        return str(made["id"])

    async def _patient(self, organization: Organization, therapist: str) -> None:
        word = self._word("pat")
        patient = Patient(await self._user(organization, "patient", word), word)
        organization.patients.append(patient)
        organization.know("patient_id", patient.id)
        for purpose in Purpose:
            consent = await self._post(organization.key, "/api/v1/consents", _grant(patient, therapist, purpose))
            organization.kept.setdefault("consent_id", []).append(consent["id"])
        await self._session(organization, patient, therapist)
        asked = {"patient_id": patient.id, "message": f"What about {word} and my sleep?"}
        answer = await self._post(organization.key, "/api/v1/chat", asked)
        organization.kept.setdefault("conversation_id", []).append(answer["conversation_id"])
        made = await self._post(organization.key, f"/api/v1/patients/{patient.id}/tokens", {})
        patient.token = made["token"]
        spare = await self._post(organization.key, f"/api/v1/patients/{patient.id}/tokens", {})
        organization.know("jti", spare["jti"])
        organization.credentials[f"patient {len(organization.patients)}"] = patient.token

    async def _session(self, organization: Organization, patient: Patient, therapist: str) -> None:
        data = {
            "patient_id": patient.id,
            "therapist_id": therapist,
            "session_date": "2026-09-08T15:00:00Z",
            "metadata": f'{{"note": "{patient.canary}"}}',
        }
        headers = {"Authorization": f"Bearer {organization.key}"}
        file = {"file": (f"{patient.canary}.wav", recording())}
        sent = await self._http.post("/api/v1/sessions", data=data, files=file, headers=headers)
        session = _checked(sent)["session_id"]
        organization.know("session_id", session)
        await self._ready(organization, session)
        path = f"/api/v1/sessions/{session}/transcript"
        heard = _checked(await self._http.get(path, headers=headers))["segments"]
        text = f"My sleep and {patient.canary} again."
        both = zip(heard, ("therapist", "patient"), strict=False)
        words = [{"id": segment["id"], "speaker": who, "text": text} for segment, who in both]
        words += [{"id": segment["id"], "deleted": True} for segment in heard[len(words) :]]
        corrected = await self._http.patch(path, json={"segments": words}, headers=headers | {"If-Match": '"1"'})
        _checked(corrected)
        await self._ready(organization, session)

    async def _ready(self, organization: Organization, session: str) -> None:
        headers = {"Authorization": f"Bearer {organization.key}"}
        for _ in range(READY_WITHIN_S // 5):
            seen = await self._http.get(f"/api/v1/sessions/{session}", params={"wait": 5}, headers=headers)
            status = _checked(seen)["status"]
            if status == "ready":
                return
            if status in ("failed", "withheld"):
                break
        raise TimeoutError(f"a session did not become ready within {READY_WITHIN_S} s")

    async def _post(self, credential: str, path: str, body: Mapping[str, Any]) -> Any:
        # A "not now" of a machine that is busy with other proofs is met as an integrator meets it.
        headers = {"Authorization": f"Bearer {credential}"}
        for _ in range(POST_TRIES_MAX - 1):
            answer = await self._http.post(path, json=body, headers=headers)
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                return _checked(answer)
            await asyncio.sleep(min(float(answer.headers.get("Retry-After", "1")), RETRY_AFTER_MAX_S))
        return _checked(await self._http.post(path, json=body, headers=headers))


def _grant(patient: Patient, therapist: str, purpose: Purpose) -> dict[str, Any]:
    return {
        "patient_id": patient.id,
        "therapist_id": therapist,
        "consent_type": purpose.value,
        "document": f"I agree. {patient.canary}",
        "metadata": {"note": patient.canary},
        "attested": {"ip": "203.0.113.9", "user_agent": patient.canary},
    }


def _checked(answer: httpx.Response) -> Any:
    if answer.status_code >= _OK_BELOW:
        raise RuntimeError(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}")
    return answer.json()


@asynccontextmanager
async def client_of(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client of the gateway."""
    async with httpx.AsyncClient(base_url=stack.gateway_url, trust_env=False, timeout=30) as http:
        yield http
