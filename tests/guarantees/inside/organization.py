"""An organization of a running system, with a thing of its own for every route that takes one away."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx

from libs.common.http.client import certificates
from libs.contracts.capability import Minter
from libs.contracts.ids import OrganizationId, PatientId, TherapistId
from libs.contracts.purposes import Purpose
from libs.contracts.safety import MODE_HEADER, ChatMode
from libs.contracts.tests.tenant import Tenant
from libs.devstack.stack import Stack
from services.ingestion.tests.ingestion_world import wav
from tests.e2e.client import FIRST, SECOND, World, eventually
from tests.guarantees.inside.demands import InternalRoute

SIGNED_WITHIN_S = 150.0
ASKS_S = 60.0
QUESTION = "What homework did we agree on?"
# Refused by the edge, by what the policies show, or by a row that they do not let in.
NOTHING = (401, 403, 404, 500)
LISTS = ("data", "results", "sources")


@dataclass(frozen=True)
class Asked:
    """What a route is asked with, and of whom."""

    ids: Mapping[str, str]
    of: str = ""
    parts: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class FilledOrganization:
    """The organization's things, and the verb to ask for them."""

    stack: Stack
    tenant: Tenant
    ids: Mapping[str, str]
    asked: Mapping[str, Asked]

    async def tells(self, route: InternalRoute, scopes: frozenset[str] | None) -> bool:
        """Ask under a capability with these scopes, None without one; return whether anything was told or done."""
        asked = self.asked.get(route.name, Asked({}))
        path = re.sub(r"\{(\w+)\}", lambda name: {**self.ids, **asked.ids}[name[1]], route.path)
        parts = dict(asked.parts or {})
        headers = dict(parts.pop("headers", {}))
        if scopes is not None:
            # Bound to the patient, as the gateway binds it where words are read.
            patient = PatientId(UUID(asked.of or self.ids["patient_id"]))
            headers["Authorization"] = f"Bearer {self.tenant.capability(*(scopes or {'none:read'}), patient=patient)}"
        url = self.stack.url(route.service)
        async with httpx.AsyncClient(base_url=url, timeout=ASKS_S, trust_env=False, verify=certificates()) as http:
            return _tells(await http.request(route.method, path, headers=headers, **parts))


def _tells(answer: httpx.Response) -> bool:
    if answer.status_code in NOTHING:
        return False
    assert answer.is_success, (answer.status_code, answer.json()["type"])
    body = answer.json() if answer.headers.get("content-type") == "application/json" else {}
    # The text for a crisis stands on no source.
    return body.get("answered_by") == "safety" or all(body[name] for name in LISTS if name in body)


@dataclass(frozen=True)
class _People:
    """Who is asked about: words are kept of the first, sessions are taken from the second, consent from the third."""

    first: World
    second: World
    third: World


async def filled_organization(stack: Stack, world: World, silence: Path) -> FilledOrganization:
    """Fill a new organization; `silence` is a recording in which nobody speaks."""
    people = _People(world, await _another(world), await _another(world))
    organization, ids = await _things_of_the_first(world)
    asked = await _sessions_of_the_second(people.second, silence) | await _consents_of_the_third(people.third)
    second_session = await world.uploads(SECOND, "2026-09-22T15:00:00Z")
    await world.settled(second_session, "ready")
    # Held back and released, so that the audit has a row of it.
    await world.gateway.hold_back(second_session)
    await world.gateway.release(second_session)
    minter = Minter(stack.infra.capability_key_id, stack.infra.capability_key)
    whose = PatientId(UUID(world.patient_id)), TherapistId(UUID(world.therapist_id))
    tenant = Tenant(OrganizationId(UUID(organization)), *whose, minter)
    doomed = Asked({"conversation_id": str((await world.gateway.ask(world.patient_id, QUESTION)).conversation_id)})
    asked |= {"chat DELETE /conversations/{conversation_id}": doomed}
    return FilledOrganization(stack, tenant, ids, asked | _changes(second_session) | _bodies(ids, world.therapist_id))


async def _another(world: World) -> World:
    patient = await world.gateway.add_user("patient", f"p-{uuid4().hex}@example.org")
    return World(world.url, world.key, world.gateway, world.therapist_id, patient.id)


async def _things_of_the_first(world: World) -> tuple[str, dict[str, str]]:
    """Return the organization, and what stands in for the parameters of paths."""
    consents = await world.consents()
    session_id = await world.uploads(FIRST)
    await world.settled(session_id, "ready")
    answer = await world.gateway.ask(world.patient_id, QUESTION)
    async with world.http() as http:
        organization = (await http.get("/api/v1/me")).json()["organization"]["id"]
        found = (await http.get(f"/api/v1/patients/{world.patient_id}/commitments")).json()["data"]
        messages = (await http.get(f"/api/v1/conversations/{answer.conversation_id}/messages")).json()["data"]
        text = {"consent_type": "recording", "text": "I agree."}
        document = (await http.post("/api/v1/consent-documents", json=text)).json()
        checkpoint = "/api/v1/transparency/checkpoint"
        await eventually(lambda: http.get(checkpoint), lambda got: got.is_success, SIGNED_WITHIN_S, 1.0)
    return organization, {
        "patient_id": world.patient_id,
        "session_id": session_id,
        "consent_id": consents[Purpose.RECORDING].id,
        "document_id": document["id"],
        "conversation_id": str(answer.conversation_id),
        "message_id": messages[-1]["id"],
        "commitment_id": found[0]["id"],
    }


async def _sessions_of_the_second(world: World, silence: Path) -> dict[str, Asked]:
    await world.consents()
    # Nothing is heard in them, so they fail: one to try again, one to erase, one that was erased.
    again, doomed, erased = [await world.uploads(silence) for _ in range(3)]
    await asyncio.gather(*(world.settled(one, "failed") for one in (again, doomed, erased)))
    async with world.http() as http:
        receipt = (await http.delete(f"/api/v1/sessions/{erased}")).json()
    # Nobody's words: the route erases by the id alone where the gateway knows the user.
    unknown = str(uuid4())
    of = world.patient_id
    return {
        "ingestion POST /sessions/{session_id}/retry": Asked({"session_id": again}, of),
        "ingestion DELETE /sessions/{session_id}": Asked({"session_id": doomed}, of),
        "ingestion GET /erasures/{erasure_id}": Asked({"erasure_id": receipt["id"]}, of),
        "ingestion DELETE /patients/{patient_id}": Asked(
            {"patient_id": unknown}, unknown, {"params": {"known": "true"}}
        ),
    }


async def _consents_of_the_third(world: World) -> dict[str, Asked]:
    given = await world.consents(Purpose.RECORDING, Purpose.TRANSCRIPTION)
    await world.gateway.revoke(given[Purpose.TRANSCRIPTION].id)
    kept, revoked = given[Purpose.RECORDING].id, given[Purpose.TRANSCRIPTION].id
    return {
        "consent POST /consents/{consent_id}/revoke": Asked({"consent_id": kept}, world.patient_id, {"json": {}}),
        "consent GET /consents/{consent_id}/revocation": Asked({"consent_id": revoked}, world.patient_id),
    }


def _changes(session_id: str) -> dict[str, Asked]:
    """Return what changes the first patient's second session: its words of the first version, then of the second."""
    its, segment = {"session_id": session_id}, {"id": 1, "speaker": "patient", "text": "I slept."}
    corrected = {"json": {"segments": [segment]}, "headers": {"If-Match": '"1"'}}
    return {
        "ingestion POST /sessions/{session_id}/release": Asked(its),
        "ingestion DELETE /sessions/{session_id}/release": Asked(its),
        "transcriber PATCH /sessions/{session_id}/transcript": Asked(its, parts=corrected),
        "transcriber POST /sessions/{session_id}/transcript/swap-speakers": Asked(
            its, parts={"headers": {"If-Match": '"2"'}}
        ),
    }


def _bodies(ids: Mapping[str, str], therapist_id: str) -> dict[str, Asked]:
    its = {"patient_id": ids["patient_id"]}
    people = its | {"therapist_id": therapist_id}
    recall = {MODE_HEADER: ChatMode.RECALL.value}
    upload = {
        "data": people | {"session_date": "2026-10-05T09:30:00Z"},
        "files": {"file": ("a.wav", wav(), "audio/wav")},
    }
    sent: dict[str, dict[str, Any]] = {
        "consent POST /consents": {"json": people | {"consent_type": "recording", "document": "I agree again."}},
        "consent POST /consent-documents": {"json": {"consent_type": "recording", "text": "I agree to all."}},
        "consent POST /holds": {"json": its | {"purposes": ["recording"]}},
        "embedder GET /digests": {"params": {"session_id": ids["session_id"]}},
        "embedder POST /search": {"json": its | {"query": "sleep"}},
        "embedder PATCH /patients/{patient_id}/commitments/{commitment_id}": {"json": {"status": "done"}},
        "ingestion POST /sessions": upload,
        "transcriber POST /patients/{patient_id}/transcripts/search": {"json": {"q": "homework or sleep"}},
        "chat POST /chat": {"json": its | {"message": QUESTION}, "headers": recall},
        "chat POST /crisis": {"json": its | {"message": "I want to kill myself."}},
        "chat GET /conversations": {"params": its},
    }
    return {name: Asked({}, parts=parts) for name, parts in sent.items()}
