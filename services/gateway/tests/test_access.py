"""Keys, tokens and users at the gateway: who gets in, with what, and for how long."""

import secrets
from uuid import uuid4

import httpx
import psycopg
import pytest

from libs.devstack.infra import Infra
from services.gateway.key_format import new_key
from services.gateway.tests.gateway_world import OPERATOR, GatewayWorld, gateway_world


def _slug(answer: httpx.Response) -> str:
    return str(answer.json().get("type", "")).rpartition("/")[2]


async def test_a_new_organizations_key_says_who_it_is(world: GatewayWorld) -> None:
    me = (await world.http.get("/api/v1/me")).json()

    assert me["organization"] == {"id": world.organization_id, "name": "an organization"}
    assert "admin" in me["scopes"]
    assert me["limits"] == {"requests_per_hour": 1000}


@pytest.mark.parametrize("token", ["", "wrong", OPERATOR + "x"])
async def test_only_the_operator_creates_organizations(world: GatewayWorld, token: str) -> None:
    async with world.as_bearer(token or "-") as http:
        answer = await http.post("/operator/v1/organizations", json={"name": "x"})

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_unknown_wrong_and_revoked_keys_get_the_same_answer(world: GatewayWorld) -> None:
    revoked = await world.new_key("sessions:read")
    await world.http.delete(f"/api/v1/api-keys/{revoked['id']}")
    wrong = new_key("test", secrets.choice)
    known_id = type(wrong)(wrong.mode, world.key[9:21], wrong.secret).text

    answers = []
    for key in ("nonsense", new_key("test", secrets.choice).text, known_id, revoked["api_key"]):
        async with world.as_bearer(key) as http:
            answers.append(await http.get("/api/v1/me"))

    said = [{**answer.json(), "request_id": None} for answer in answers]

    assert [answer.status_code for answer in answers] == [401] * 4
    assert all(body == said[0] for body in said)


async def test_a_key_may_also_come_in_its_own_header(world: GatewayWorld) -> None:
    async with httpx.AsyncClient(base_url=world.url, headers={"X-API-Key": world.key}, trust_env=False) as http:
        answer = await http.get("/api/v1/me")

    assert answer.status_code == 200


async def test_the_last_admin_key_cannot_be_revoked_and_a_successor_frees_it(world: GatewayWorld) -> None:
    own_id = world.key[9:21]
    refused = await world.http.delete(f"/api/v1/api-keys/{own_id}")
    rotated = await world.http.post(f"/api/v1/api-keys/{own_id}/rotate")
    revoked = await world.http.delete(f"/api/v1/api-keys/{own_id}")
    after = await world.http.get("/api/v1/me")

    assert (refused.status_code, _slug(refused)) == (409, "last-admin-key")
    assert rotated.json()["scopes"] == revoked.json()["scopes"]
    assert (revoked.status_code, revoked.json()["is_active"], after.status_code) == (200, False, 401)


async def test_a_key_cannot_give_what_it_does_not_have(world: GatewayWorld) -> None:
    weak = await world.new_key("admin")

    async with world.as_bearer(weak["api_key"]) as http:
        answer = await http.post("/api/v1/api-keys", json={"name": "strong", "scopes": ["chat:delegate"]})

    assert (answer.status_code, _slug(answer)) == (403, "forbidden")


async def test_keys_are_listed_without_their_secrets_and_with_their_last_use(world: GatewayWorld) -> None:
    listed = (await world.http.get("/api/v1/api-keys")).json()["data"]

    assert "api_key" not in listed[0]
    assert listed[0]["last_four"] == world.key[-4:]
    assert listed[0]["last_used_at"] is not None


async def test_no_secret_is_in_the_database(world: GatewayWorld, infra: Infra) -> None:
    made = await world.http.post(
        "/api/v1/api-keys", json={"name": "k", "scopes": ["admin"]}, headers={"Idempotency-Key": "once"}
    )
    secret = made.json()["api_key"][22:]

    with psycopg.connect(infra.admin_url) as admin:
        for table in ("api_key", "replay", "outbox"):
            rows = admin.execute(f"select t::text from gateway.{table} t".encode()).fetchall()
            assert not any(secret in str(row) or secret.encode().hex() in str(row) for row in rows)


async def test_an_email_is_taken_once_in_any_case_and_free_elsewhere(world: GatewayWorld, infra: Infra) -> None:
    email = f"{uuid4().hex}@example.org"
    body = {"role": "patient", "email": email}
    first = await world.http.post("/api/v1/users", json=body)
    again = await world.http.post("/api/v1/users", json=body | {"email": email.upper()})
    async with gateway_world(infra) as other:
        elsewhere = await other.http.post("/api/v1/users", json=body)

    assert (first.status_code, again.status_code, elsewhere.status_code) == (201, 409, 201)
    assert _slug(again) == "email-taken"


async def test_users_are_listed_in_pages_and_by_role(world: GatewayWorld) -> None:
    made = [await world.new_user("patient") for _ in range(3)]

    first = (await world.http.get("/api/v1/users", params={"role": "patient", "limit": 2})).json()
    query = {"role": "patient", "limit": 2, "cursor": first["next_cursor"]}
    rest = (await world.http.get("/api/v1/users", params=query)).json()

    ids = [user["id"] for user in first["data"] + rest["data"]]

    assert ids == [*reversed(made), world.patient_id]


async def test_another_organizations_user_is_not_found(world: GatewayWorld, infra: Infra) -> None:
    async with gateway_world(infra) as other:
        foreign = await other.http.get(f"/api/v1/users/{world.patient_id}")
        unknown = await other.http.get(f"/api/v1/users/{uuid4()}")

    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert foreign.json()["detail"] == unknown.json()["detail"]


async def test_a_patients_token_reaches_that_patients_chat_and_nothing_else(world: GatewayWorld) -> None:
    minted = (await world.http.post(f"/api/v1/patients/{world.patient_id}/tokens")).json()

    async with world.as_bearer(minted["token"]) as http:
        own = await http.post("/api/v1/chat", json={"message": "What did we say?"})
        named = await http.post("/api/v1/chat", json={"patient_id": world.patient_id, "message": "And then?"})
        other = await http.post("/api/v1/chat", json={"patient_id": str(uuid4()), "message": "And they?"})
        users = await http.get("/api/v1/users")

    assert [answer.status_code for answer in (own, named, other, users)] == [200, 200, 404, 403]
    assert {str(heard.claims.patient_id) for heard in world.peer.heard} == {world.patient_id}


async def test_a_patients_token_ends_when_it_or_its_key_is_revoked(world: GatewayWorld) -> None:
    path = f"/api/v1/patients/{world.patient_id}/tokens"
    minter = await world.new_key("patients:tokens")
    own = (await world.http.post(path)).json()
    async with world.as_bearer(minter["api_key"]) as http:
        of_key = (await http.post(path)).json()

    ended = await world.http.delete(f"{path}/{own['jti']}")
    await world.http.delete(f"/api/v1/api-keys/{minter['id']}")

    for token in (own["token"], of_key["token"]):
        async with world.as_bearer(token) as http:
            assert (await http.get("/api/v1/conversations")).status_code == 401

    assert ended.status_code == 204


async def test_a_token_is_minted_for_patients_only(world: GatewayWorld) -> None:
    answers = [await world.http.post(f"/api/v1/patients/{user}/tokens") for user in (world.therapist_id, str(uuid4()))]

    assert [answer.status_code for answer in answers] == [404, 404]
