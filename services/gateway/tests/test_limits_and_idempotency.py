"""How often one may ask, and what happens when the same is asked twice."""

import asyncio
from uuid import uuid4

import httpx
import psycopg

from libs.devstack.infra import Infra
from services.gateway.tests.gateway_world import GatewayWorld, gateway_world


def _new_user() -> dict[str, str]:
    return {"role": "patient", "email": f"{uuid4().hex}@example.org"}


async def test_a_key_may_ask_so_often_and_not_once_more(infra: Infra) -> None:
    async with gateway_world(infra, requests_per_hour=5) as world:  # two went into its users
        answers = await asyncio.gather(*(world.http.get("/api/v1/me") for _ in range(8)))
        outside = await world.http.post(f"/api/v1/consents/{uuid4()}/revoke", json={})
        health = await world.http.get("/health")

    passed = [answer for answer in answers if answer.status_code == 200]
    refused = next(answer for answer in answers if answer.status_code == 429)

    assert len(passed) == 3
    assert refused.json()["policy"] == "hour"
    assert int(refused.headers["retry-after"]) > 3000
    assert refused.headers["ratelimit-policy"] == '"hour";q=5;w=3600'
    assert refused.headers["ratelimit"].startswith('"hour";r=0;t=')
    assert (outside.status_code, health.status_code) == (200, 200)


async def test_without_redis_there_is_a_smaller_share_and_never_no_limit(infra: Infra) -> None:
    async with gateway_world(infra, redis_url="redis://127.0.0.1:9/0", requests_per_hour_local=4) as world:
        answers = [await world.http.get("/api/v1/me") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]


async def test_a_repeated_post_is_done_once_and_gets_the_same_answer(world: GatewayWorld) -> None:
    key, body = {"Idempotency-Key": uuid4().hex}, _new_user()

    first = await world.http.post("/api/v1/users", json=body, headers=key)
    again = await world.http.post("/api/v1/users", json=body, headers=key)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")


async def test_another_body_under_the_same_key_is_refused(world: GatewayWorld) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    await world.http.post("/api/v1/users", json=_new_user(), headers=key)

    answer = await world.http.post("/api/v1/users", json=_new_user(), headers=key)

    assert (answer.status_code, _slug(answer)) == (422, "idempotency-changed")


async def test_a_duplicate_of_a_running_request_is_told_to_wait(world: GatewayWorld) -> None:
    world.peer.pause_s = 0.5
    key, body = {"Idempotency-Key": uuid4().hex}, {"patient_id": world.patient_id, "message": "?"}

    answers = await asyncio.gather(*(world.http.post("/api/v1/chat", json=body, headers=key) for _ in range(3)))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert len(world.peer.heard) == 1


async def test_a_revocation_waits_for_no_duplicate_that_may_have_died_with_its_gateway(world: GatewayWorld) -> None:
    world.peer.pause_s = 1.0
    key, path = {"Idempotency-Key": uuid4().hex}, f"/api/v1/consents/{uuid4()}/revoke"

    answers = await asyncio.gather(*(world.http.post(path, json={}, headers=key) for _ in range(2)))

    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(world.peer.heard) == 2


async def test_what_failed_on_our_side_may_be_tried_again_and_a_no_is_asked_for_again(world: GatewayWorld) -> None:
    key, path = {"Idempotency-Key": uuid4().hex}, f"/api/v1/consents/{uuid4()}/revoke"
    world.peer.refuses(503, "unavailable")
    failed = await world.http.post(path, json={}, headers=key)
    world.peer.refuses(409, "already-revoked")
    refused = await world.http.post(path, json={}, headers=key)
    again = await world.http.post(path, json={}, headers=key)

    assert [answer.status_code for answer in (failed, refused, again)] == [503, 409, 409]
    assert "idempotent-replayed" not in again.headers
    assert len(world.peer.heard) == 3


async def test_a_name_in_the_place_of_an_id_is_not_written_down_beside_the_answer(
    world: GatewayWorld, infra: Infra
) -> None:
    key, names = {"Idempotency-Key": uuid4().hex}, ("JohnSmithson", (await world.new_key("users"))["id"])

    answers = [await world.http.post(f"/api/v1/api-keys/{name}/rotate", headers=key) for name in names]

    with psycopg.connect(infra.admin_url) as connection:
        routes = {str(route) for (route,) in connection.execute("select route from gateway.replay")}

    assert [answer.status_code for answer in answers] == [404, 201]
    assert "rotateApiKey /api/v1/api-keys/{key_id}/rotate" in routes
    assert [route for route in routes if "Smith" in route] == []


async def test_a_key_of_another_organization_replays_nothing(world: GatewayWorld, infra: Infra) -> None:
    key, body = {"Idempotency-Key": uuid4().hex}, _new_user()
    mine = await world.http.post("/api/v1/users", json=body, headers=key)
    async with gateway_world(infra) as other:
        theirs = await other.http.post("/api/v1/users", json=body, headers=key)

    assert mine.json()["id"] != theirs.json()["id"]


def _slug(answer: httpx.Response) -> str:
    return str(answer.json()["type"].rpartition("/")[2])
