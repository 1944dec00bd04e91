"""The parts joined as in production, on real servers."""

from collections.abc import AsyncIterator

import httpx
import pytest

from libs.common.http.app import build_app
from libs.common.ids import new_id
from libs.common.process.run import Service
from libs.contracts.tests.tenant import Tenant
from libs.devstack.conditions import until_seen
from libs.devstack.infra import Infra
from services.chat.wiring import build

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
async def service(infra: Infra, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    """A chat whose peers are all down and whose vendor is unreachable."""
    environment = {
        "ENV": "dev",
        "DATABASE_URL": infra.database_url("chat"),
        "RELAY_DATABASE_URL": infra.relay_database_url,
        "REDIS_URL": infra.redis_url,
        "CONSENT_URL": NOWHERE,
        "INGESTION_URL": NOWHERE,
        "EMBEDDER_URL": NOWHERE,
        "ANTHROPIC_API_KEY": "sk-none",
        "ANTHROPIC_BASE_URL": NOWHERE,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    made = build()
    yield made
    await made.close()


async def test_health_says_who_answers_and_that_the_model_could_not_be_asked(service: Service) -> None:
    async with client(service) as http:

        async def is_checked() -> bool:
            return bool("model_status" in (await http.get("/health")).json()["details"])

        await until_seen(is_checked)
        health = (await http.get("/health")).json()

    assert health["status"] == "ok"
    assert health["details"]["provider"] == "anthropic"
    assert "could not be checked" in health["details"]["model_status"]


async def test_with_every_peer_down_a_crisis_is_answered_and_a_question_is_told_to_wait(
    service: Service, tenant: Tenant
) -> None:
    token = tenant.capability("chat:write", patient=tenant.patient_id)
    async with client(service) as http:
        http.headers["authorization"] = f"Bearer {token}"
        crisis = await http.post("/chat", json={"patient_id": str(tenant.patient_id), "message": "I want to die"})
        question = await http.post("/chat", json={"patient_id": str(tenant.patient_id), "message": "My homework?"})

    assert (crisis.status_code, crisis.json()["answered_by"]) == (200, "safety")
    assert question.status_code == 503
    assert question.json()["crisis_resources"]["call_or_text"] == "988"
    assert "retry-after" in question.headers


async def test_a_crisis_is_answered_even_without_any_capability(service: Service) -> None:
    async with client(service) as http:
        crisis = await http.post("/chat", json={"patient_id": str(new_id()), "message": "I want to die"})

    assert crisis.status_code == 200


def test_consent_that_ends_and_the_safety_topic_have_their_workers(service: Service) -> None:
    assert len(service.workers) == 3


def client(service: Service) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=build_app(service.app))
    return httpx.AsyncClient(transport=transport, base_url="http://chat")
