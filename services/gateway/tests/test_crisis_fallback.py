"""Nobody in a crisis is turned away by a limit, an outage or a broken service; everybody else is told where to call."""

import secrets
from typing import Any

import httpx
import pytest

from libs.contracts.safety import help_lines
from libs.devstack.infra import Infra
from services.gateway.key_format import new_key
from services.gateway.tests.gateway_world import NOBODY, GatewayWorld, gateway, gateway_world

MESSAGE = {"message": "I cannot go on."}
CRISIS_RESOURCES = help_lines("US").to_json()
NO_DATABASE = "postgresql+psycopg://nobody:x@127.0.0.1:9/none"


def _asking(world: GatewayWorld, **more: Any) -> dict[str, Any]:
    return MESSAGE | {"patient_id": world.patient_id} | more


async def test_a_key_that_asked_too_often_still_gets_the_crisis_answer_for_its_patient(infra: Infra) -> None:
    async with gateway_world(infra, requests_per_hour=2) as world:  # both went into its users
        world.peer.crisis = True
        answer = await world.http.post("/api/v1/chat", json=_asking(world))

    (heard,) = world.peer.heard

    assert (answer.status_code, answer.json()) == (200, {"answered_by": "safety"})
    assert (heard.path, str(heard.claims.patient_id)) == ("/crisis", world.patient_id)


async def test_any_other_message_above_the_limit_is_refused_with_the_crisis_resources(infra: Infra) -> None:
    async with gateway_world(infra, requests_per_hour=2) as world:
        chat = await world.http.post("/api/v1/chat", json=_asking(world))
        other = await world.http.get("/api/v1/me")

    assert (chat.status_code, chat.json()["crisis_resources"]) == (429, CRISIS_RESOURCES)
    assert {"retry-after", "ratelimit", "ratelimit-policy"} <= set(chat.headers)
    assert (other.status_code, "crisis_resources" in other.json()) == (429, False)


@pytest.mark.parametrize("crisis", [True, False])
async def test_without_a_database_a_genuine_credential_gets_the_crisis_answer_or_the_resources(
    world: GatewayWorld, infra: Infra, crisis: bool
) -> None:
    token = (await world.http.post(f"/api/v1/patients/{world.patient_id}/tokens")).json()["token"]
    world.peer.crisis = crisis
    world.peer.heard.clear()

    async with gateway(infra, world.peer_url, database_url=NO_DATABASE) as url:
        answers = []
        for credential in (world.key, token):
            async with httpx.AsyncClient(headers={"Authorization": f"Bearer {credential}"}, trust_env=False) as http:
                answers.append(await http.post(f"{url}/api/v1/chat", json=_asking(world)))
                closed = await http.get(f"{url}/api/v1/conversations")

    assert [answer.status_code for answer in answers] == ([200, 200] if crisis else [503, 503])
    assert all(crisis or answer.json()["crisis_resources"] == CRISIS_RESOURCES for answer in answers)
    assert [heard.claims for heard in world.peer.heard] == [NOBODY, NOBODY]
    assert closed.status_code == 503


async def test_garbage_asks_nobody_also_without_a_database(world: GatewayWorld, infra: Infra) -> None:
    async with (
        gateway(infra, world.peer_url, database_url=NO_DATABASE) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as http,
    ):
        keys = (new_key("test", secrets.choice).text[:-1] + "!", "", "x.y.z")
        answers = [await http.post("/api/v1/chat", json=_asking(world), headers={"X-API-Key": key}) for key in keys]

    assert [answer.status_code for answer in answers] == [401] * 3
    assert world.peer.heard == []


async def test_another_organizations_patient_is_not_heard_above_the_limit(world: GatewayWorld, infra: Infra) -> None:
    async with gateway_world(infra, requests_per_hour=2) as limited:
        limited.peer.crisis = True
        answer = await limited.http.post("/api/v1/chat", json=_asking(world))

    assert (answer.status_code, limited.peer.heard) == (429, [])


async def test_a_key_without_the_scope_is_not_heard_above_the_limit(infra: Infra) -> None:
    async with gateway_world(infra, requests_per_hour=4) as world:
        weak = await world.new_key("sessions:read")
        world.peer.crisis = True
        async with world.as_bearer(weak["api_key"]) as http:
            answers = [(await http.post("/api/v1/chat", json=_asking(world))).status_code for _ in range(5)]

    assert (answers, world.peer.heard) == ([403, 403, 403, 403, 429], [])


@pytest.mark.parametrize("status", [502, 503])
async def test_a_broken_chat_is_told_with_the_crisis_resources(world: GatewayWorld, status: int) -> None:
    world.peer.refuses(status, {502: "upstream-failed", 503: "unavailable"}[status])

    answer = await world.http.post("/api/v1/chat", json=_asking(world))

    assert (answer.status_code, answer.json()["crisis_resources"]) == (status, CRISIS_RESOURCES)


async def test_a_spent_patient_quota_is_said_in_the_headers_beside_the_keys_own(world: GatewayWorld) -> None:
    upstream_limit_headers = {"policy": "patient", "quota": 20, "window_s": 3600, "crisis_resources": CRISIS_RESOURCES}
    world.peer.refuses(429, "patient-quota", **upstream_limit_headers)

    answer = await world.http.post("/api/v1/chat", json=_asking(world))

    assert answer.status_code == 429
    assert answer.headers["ratelimit-policy"] == '"patient";q=20;w=3600, "hour";q=1000;w=3600'
    assert answer.headers["ratelimit"].startswith('"patient";r=0;t=3600, "hour";r=')
