"""Nobody sees what they may not: another organization, another patient, a forged or missing key."""

import pytest

from libs.contracts.purposes import Purpose
from libs.ops.rest.client import RefusedError
from tests.e2e.client import FIRST, World

READS = (
    "/api/v1/sessions/{session}",
    "/api/v1/sessions/{session}/transcript",
    "/api/v1/patients/{patient}/transcripts/search?q=sleep",
    "/api/v1/consents/{consent}",
    "/api/v1/users/{patient}",
)


async def test_another_organizations_things_look_like_things_that_do_not_exist(
    world: World, other_organization: World
) -> None:
    consents = await world.consents(Purpose.RECORDING)
    session_id = await world.uploads(FIRST)
    ids = {"session": session_id, "consent": consents[Purpose.RECORDING].id, "patient": world.patient_id}
    unknown = dict.fromkeys(ids, "01a20000-0000-7000-8000-000000000000")

    async with other_organization.http() as http:
        foreign = [await http.get(path.format(**ids)) for path in READS]
        missing = [await http.get(path.format(**unknown)) for path in READS]

    assert [answer.status_code for answer in foreign] == [404] * len(READS)
    for theirs, nobodys in zip(foreign, missing, strict=True):
        assert theirs.json()["detail"] == nobodys.json()["detail"]


async def test_another_organization_can_neither_revoke_nor_upload_nor_ask_for_a_foreign_patient(
    world: World, other_organization: World
) -> None:
    consents = await world.consents()

    async with other_organization.http() as http:
        revoke = await http.post(f"/api/v1/consents/{consents[Purpose.RECORDING].id}/revoke", json={})
        chat = await http.post("/api/v1/chat", json={"patient_id": world.patient_id, "message": "What did I say?"})
    other_organization.patient_id, other_organization.therapist_id = world.patient_id, world.therapist_id
    with pytest.raises(RefusedError) as upload:
        await other_organization.uploads(FIRST)

    assert revoke.status_code == 404
    assert chat.status_code in (403, 404)
    assert upload.value.problem.status in (403, 404)
    current = await world.gateway.consents(world.patient_id)

    assert all(consent.status == "granted" for consent in current)


@pytest.mark.parametrize("key", ["", "nonsense", "trk_live_aaaaaaaaaaaa_" + "b" * 49])
async def test_no_key_a_malformed_key_and_an_unknown_key_get_the_same_refusal(world: World, key: str) -> None:
    async with world.http(key or "x") as http:
        answer = await http.get("/api/v1/sessions")

    assert answer.status_code == 401
    assert answer.json()["type"].endswith("/problems/unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_revoked_key_is_refused_from_the_next_request_on(world: World) -> None:
    async with world.http() as admin:
        made = (await admin.post("/api/v1/api-keys", json={"name": "reader", "scopes": ["sessions:read"]})).json()
        async with world.http(made["api_key"]) as reader:
            before = await reader.get("/api/v1/sessions")
            await admin.delete(f"/api/v1/api-keys/{made['id']}")
            after = await reader.get("/api/v1/sessions")

    assert (before.status_code, after.status_code) == (200, 401)


async def test_a_key_without_the_scope_is_told_that_it_may_not(world: World) -> None:
    async with world.http() as admin:
        made = (await admin.post("/api/v1/api-keys", json={"name": "reader", "scopes": ["sessions:read"]})).json()
    async with world.http(made["api_key"]) as reader:
        answer = await reader.get("/api/v1/users")

    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (403, "forbidden")
