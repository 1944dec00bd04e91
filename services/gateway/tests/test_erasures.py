"""Erasing through the door: who may, under which capability, what goes here; and exports that say they are whole."""

import json
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx
import pytest

from libs.common.capability import holding
from libs.common.clock import utc_now
from libs.common.database.transaction import Database
from libs.common.ids import new_id
from libs.contracts.capability import REQUEST_LIFETIME_S, Claims, Minter
from libs.contracts.erasure import PatientErased, SessionErased, UserErased
from libs.contracts.ids import OrganizationId
from libs.contracts.problems import REFUSALS
from libs.devstack.infra import Infra
from libs.tenancy.erase_share import EraseShare
from services.gateway.tests.door_world import Door


@pytest.fixture
async def database(infra: Infra) -> AsyncIterator[Database]:
    made = Database(infra.database_url("gateway"), REFUSALS)
    yield made
    await made.close()


def _receipt(clinic: Door, session_id: str | None) -> bytes:
    return json.dumps({"id": str(uuid4()), "patient_id": clinic.patient_id, "session_id": session_id}).encode()


async def test_an_erasure_goes_out_under_the_scope_that_nothing_else_carries(clinic: Door) -> None:
    clinic.peer.status, clinic.peer.body = 202, _receipt(clinic, None)

    answer = await clinic.http.delete(f"/api/v1/patients/{clinic.patient_id}")

    heard = clinic.peer.heard[-1]
    assert answer.headers["location"] == f"/api/v1/erasures/{answer.json()['id']}"
    assert (heard.method, heard.path) == ("DELETE", f"/patients/{clinic.patient_id}")
    assert heard.claims.scopes == {"erasure:write", "ingestion:write"}
    assert str(heard.claims.patient_id) == clinic.patient_id


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/patients/{}"),
        ("PUT", "/patients/{}/legal-hold"),
        ("DELETE", "/patients/{}/legal-hold"),
        ("GET", "/patients/{}/export"),
    ],
)
async def test_only_an_admin_erases_holds_or_exports_a_patient(clinic: Door, method: str, path: str) -> None:
    key = await clinic.new_key("sessions:write", "sessions:read", "transcripts:read", "users")

    async with clinic.as_bearer(key["api_key"]) as http:
        answer = await http.request(method, f"/api/v1{path.format(clinic.patient_id)}")

    assert (answer.status_code, clinic.peer.heard) == (403, [])


async def test_the_receipt_of_a_patient_is_not_found_by_a_key_that_may_only_erase_sessions(clinic: Door) -> None:
    key = await clinic.new_key("sessions:write")
    async with clinic.as_bearer(key["api_key"]) as http:
        clinic.peer.body = _receipt(clinic, None)
        of_patient = await http.get(f"/api/v1/erasures/{uuid4()}")
        clinic.peer.body = _receipt(clinic, str(uuid4()))
        of_session = await http.get(f"/api/v1/erasures/{uuid4()}")

    assert (of_patient.status_code, of_session.status_code) == (404, 200)
    assert (await clinic.http.get(f"/api/v1/erasures/{uuid4()}")).status_code == 200


async def _erases(clinic: Door, infra: Infra, database: Database, *, patient: bool) -> UserErased:
    organization_id = OrganizationId(UUID(clinic.organization_id))
    ids = {"organization_id": organization_id, "patient_id": UUID(clinic.patient_id), "erasure_id": new_id()}
    event = PatientErased(**ids) if patient else SessionErased(**ids, session_id=new_id())
    ends = utc_now().timestamp() + REQUEST_LIFETIME_S
    claims = Claims(
        organization_id, "test", frozenset({"erasure:write"}), utc_now().fromtimestamp(ends, utc_now().tzinfo), new_id()
    )
    with holding(Minter(infra.capability_key_id, infra.capability_key).mint(claims)):
        async with database.transaction() as tx:
            (fact,) = await EraseShare(UserErased).record(event, None, tx)
            await tx.emit(fact)
    assert isinstance(fact, UserErased)
    return fact


async def test_an_erased_patient_is_no_user_and_no_token_opens_anything(
    clinic: Door, infra: Infra, database: Database
) -> None:
    made = await clinic.http.post(
        f"/api/v1/patients/{clinic.patient_id}/tokens", json={}, headers={"Idempotency-Key": uuid4().hex}
    )
    token = made.json()["token"]

    fact = await _erases(clinic, infra, database, patient=True)

    assert fact.counts == {"replay": 1, "patient_token": 1, "users": 1}
    assert (await clinic.http.get(f"/api/v1/users/{clinic.patient_id}")).status_code == 404
    async with clinic.as_bearer(token) as http:
        assert (await http.get("/api/v1/conversations")).status_code == 401
    assert (await clinic.http.get(f"/api/v1/users/{clinic.therapist_id}")).status_code == 200


async def test_answers_kept_for_repetition_go_with_a_session_and_the_patient_stays(
    clinic: Door, infra: Infra, database: Database
) -> None:
    asked = {"patient_id": clinic.patient_id, "message": "What did I say?"}
    again = {"Idempotency-Key": uuid4().hex}
    clinic.peer.body = json.dumps({"message_id": str(uuid4())}).encode()
    await clinic.http.post("/api/v1/chat", json=asked, headers=again)
    kept = await clinic.http.post("/api/v1/chat", json=asked, headers=again)

    await _erases(clinic, infra, database, patient=False)
    after = await clinic.http.post("/api/v1/chat", json=asked, headers=again)

    assert kept.headers.get("idempotent-replayed") == "true"
    assert "idempotent-replayed" not in after.headers
    assert (await clinic.http.get(f"/api/v1/users/{clinic.patient_id}")).status_code == 200


async def test_an_export_whose_part_fails_breaks_off_and_is_never_taken_for_a_whole_one(clinic: Door) -> None:
    clinic.peer.refuses(503, "unavailable")

    with pytest.raises(httpx.RemoteProtocolError):
        await clinic.http.get(f"/api/v1/patients/{clinic.patient_id}/export")


async def test_an_export_is_read_under_reading_scopes_bound_to_the_patient(clinic: Door) -> None:
    clinic.peer.body = json.dumps({"data": [], "has_more": False, "next_cursor": None}).encode()

    document = (await clinic.http.get(f"/api/v1/patients/{clinic.patient_id}/export")).json()

    assert document["complete"] is True
    assert document["sessions"] == document["conversations"] == document["consents"] == document["ledger"] == []
    for heard in clinic.peer.heard:
        assert heard.claims.scopes == {"consent:read", "ingestion:read", "transcriber:read", "chat:read", "audit:read"}
        assert str(heard.claims.patient_id) == clinic.patient_id
