"""Erasing through the gateway: who may, under which capability, what goes here; and exports that say they are whole."""

import json
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx
import pytest

from libs.common.capability import acting_under
from libs.common.clock import utc_now
from libs.common.database.transaction import Database
from libs.common.ids import new_id
from libs.contracts.capability import REQUEST_LIFETIME_S, Claims, Minter
from libs.contracts.erasure import PatientErased, SessionErased, UserErased
from libs.contracts.ids import OrganizationId
from libs.contracts.problems import REFUSALS
from libs.devstack.infra import Infra
from libs.tenancy.erase_own_rows import EraseOwnRows
from services.gateway.tests.gateway_world import GatewayWorld


@pytest.fixture
async def database(infra: Infra) -> AsyncIterator[Database]:
    made = Database(infra.database_url("gateway"), REFUSALS)
    yield made
    await made.close()


def _receipt(world: GatewayWorld, session_id: str | None) -> bytes:
    return json.dumps({"id": str(uuid4()), "patient_id": world.patient_id, "session_id": session_id}).encode()


async def test_an_erasure_goes_out_under_the_scope_that_nothing_else_carries(world: GatewayWorld) -> None:
    world.peer.status, world.peer.body = 202, _receipt(world, None)

    answer = await world.http.delete(f"/api/v1/patients/{world.patient_id}")

    heard = world.peer.heard[-1]

    assert answer.headers["location"] == f"/api/v1/erasures/{answer.json()['id']}"
    assert (heard.method, heard.path) == ("DELETE", f"/patients/{world.patient_id}")
    assert heard.claims.scopes == {"erasure:write", "ingestion:write"}
    assert str(heard.claims.patient_id) == world.patient_id


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/patients/{}"),
        ("PUT", "/patients/{}/legal-hold"),
        ("DELETE", "/patients/{}/legal-hold"),
        ("GET", "/patients/{}/export"),
    ],
)
async def test_only_an_admin_erases_holds_or_exports_a_patient(world: GatewayWorld, method: str, path: str) -> None:
    key = await world.new_key("sessions:write", "sessions:read", "transcripts:read", "users")

    async with world.as_bearer(key["api_key"]) as http:
        answer = await http.request(method, f"/api/v1{path.format(world.patient_id)}")

    assert (answer.status_code, world.peer.heard) == (403, [])


async def test_the_receipt_of_a_patient_is_not_found_by_a_key_that_may_only_erase_sessions(
    world: GatewayWorld,
) -> None:
    key = await world.new_key("sessions:write")
    async with world.as_bearer(key["api_key"]) as http:
        world.peer.body = _receipt(world, None)
        of_patient = await http.get(f"/api/v1/erasures/{uuid4()}")
        world.peer.body = _receipt(world, str(uuid4()))
        of_session = await http.get(f"/api/v1/erasures/{uuid4()}")

    assert (of_patient.status_code, of_session.status_code) == (404, 200)
    assert (await world.http.get(f"/api/v1/erasures/{uuid4()}")).status_code == 200


async def _erases(world: GatewayWorld, infra: Infra, database: Database, *, patient: bool) -> UserErased:
    organization_id = OrganizationId(UUID(world.organization_id))
    ids = {"organization_id": organization_id, "patient_id": UUID(world.patient_id), "erasure_id": new_id()}
    event = PatientErased(**ids) if patient else SessionErased(**ids, session_id=new_id())
    ends = utc_now().timestamp() + REQUEST_LIFETIME_S
    claims = Claims(
        organization_id, "test", frozenset({"erasure:write"}), utc_now().fromtimestamp(ends, utc_now().tzinfo), new_id()
    )
    with acting_under(Minter(infra.capability_key_id, infra.capability_key).mint(claims)):
        async with database.transaction() as tx:
            (fact,) = await EraseOwnRows(UserErased).record(event, None, tx)
            await tx.emit(fact)
    assert isinstance(fact, UserErased)
    return fact


async def test_an_erased_patient_is_no_user_and_no_token_opens_anything(
    world: GatewayWorld, infra: Infra, database: Database
) -> None:
    made = await world.http.post(
        f"/api/v1/patients/{world.patient_id}/tokens", json={}, headers={"Idempotency-Key": uuid4().hex}
    )
    token = made.json()["token"]

    fact = await _erases(world, infra, database, patient=True)

    status_of_patient = (await world.http.get(f"/api/v1/users/{world.patient_id}")).status_code
    async with world.as_bearer(token) as http:
        assert (await http.get("/api/v1/conversations")).status_code == 401

    assert fact.counts == {"replay": 1, "patient_token": 1, "users": 1}
    assert status_of_patient == 404
    assert (await world.http.get(f"/api/v1/users/{world.therapist_id}")).status_code == 200


async def test_answers_kept_for_repetition_go_with_a_session_and_the_patient_stays(
    world: GatewayWorld, infra: Infra, database: Database
) -> None:
    asked = {"patient_id": world.patient_id, "message": "What did I say?"}
    again = {"Idempotency-Key": uuid4().hex}
    world.peer.body = json.dumps({"message_id": str(uuid4())}).encode()
    await world.http.post("/api/v1/chat", json=asked, headers=again)
    kept = await world.http.post("/api/v1/chat", json=asked, headers=again)

    await _erases(world, infra, database, patient=False)
    after = await world.http.post("/api/v1/chat", json=asked, headers=again)

    assert kept.headers.get("idempotent-replayed") == "true"
    assert "idempotent-replayed" not in after.headers
    assert (await world.http.get(f"/api/v1/users/{world.patient_id}")).status_code == 200


async def test_an_export_whose_part_fails_breaks_off_and_is_never_taken_for_a_whole_one(world: GatewayWorld) -> None:
    world.peer.refuses(503, "unavailable")

    with pytest.raises(httpx.RemoteProtocolError):
        await world.http.get(f"/api/v1/patients/{world.patient_id}/export")


async def test_an_export_is_read_under_reading_scopes_bound_to_the_patient(world: GatewayWorld) -> None:
    world.peer.body = json.dumps({"data": [], "has_more": False, "next_cursor": None}).encode()

    document = (await world.http.get(f"/api/v1/patients/{world.patient_id}/export")).json()

    assert document["complete"] is True
    assert document["sessions"] == document["conversations"] == document["consents"] == document["ledger"] == []
    for heard in world.peer.heard:
        assert heard.claims.scopes == {
            "consent:read", "ingestion:read", "transcriber:read", "embedder:read", "chat:read", "audit:read"
        }  # fmt: skip
        assert str(heard.claims.patient_id) == world.patient_id
