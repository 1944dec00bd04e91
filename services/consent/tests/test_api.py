"""The consent service over HTTP, as the gateway and the other services speak to it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from libs.common.http.app import AppSpec, build_app
from libs.contracts.tests.tenant import Tenant
from libs.devstack.infra import Infra
from services.consent.api.routes import build_router
from services.consent.domain import document_digest
from services.consent.tests.ledger_world import Ledger

OBSERVED = {"ip": "192.0.2.7", "user_agent": "portal/1"}


class Api:
    """The service's HTTP side under one capability."""

    def __init__(self, http: httpx.AsyncClient, tenant: Tenant) -> None:
        self.http = http
        self.tenant = tenant

    async def grants(self, consent_type: str = "recording", **more: Any) -> dict[str, Any]:
        """A grant that must work."""
        answer = await self.http.post("/consents", json=self.grant(consent_type) | more)
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def grant(self, consent_type: str = "recording") -> dict[str, Any]:
        """The body of a grant."""
        return {
            "patient_id": str(self.tenant.patient_id),
            "therapist_id": str(self.tenant.therapist_id),
            "consent_type": consent_type,
            "document": "I agree.",
            "observed": OBSERVED,
        }

    async def revokes(self, consent_id: str) -> httpx.Response:
        """A revocation."""
        return await self.http.post(f"/consents/{consent_id}/revoke", json={"observed": OBSERVED})

    @property
    def patient(self) -> str:
        """The path of the patient."""
        return f"/patients/{self.tenant.patient_id}"


@pytest.fixture
async def api(infra: Infra, tenant: Tenant) -> AsyncIterator[Api]:
    ledger = Ledger(infra, tenant)
    app = build_app(AppSpec(title="consent", version="1", routers=[build_router(ledger.services)]))
    headers = {"Authorization": f"Bearer {tenant.capability('consent:write')}"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://consent", headers=headers
    ) as http:
        yield Api(http, tenant)
    await ledger.database.close()


async def test_a_grant_answers_the_record_with_its_receipt(api: Api) -> None:
    consent = await api.grants(document="I agree.", metadata={"form": 3}, attested={"ip": "2001:db8::1"})

    assert consent["status"] == "granted"
    assert consent["revoked_at"] is None
    assert consent["document_sha256"] == document_digest("I agree.").hex()
    assert consent["observed"] == OBSERVED
    assert consent["attested"] == {"ip": "2001:db8::1", "user_agent": None}
    assert consent["ip_address"] == "2001:db8::1"
    assert consent["metadata"] == {"form": 3}
    assert consent["receipt"]["seq"] == 1
    assert {len(consent["receipt"][name]) for name in ("leaf", "prev_hash", "hash")} == {64}


async def test_the_text_that_was_shown_is_nowhere_in_the_database(api: Api, infra: Infra) -> None:
    canary = f"canary-{uuid4().hex}"
    await api.grants(document=canary)

    with psycopg.connect(infra.admin_url) as admin:
        for table in ("event", "evidence", "current", "outbox"):
            rows = admin.execute(f"select t::text from consent.{table} t".encode()).fetchall()
            assert not any(canary in str(row) for row in rows)


async def test_a_revocation_answers_its_own_receipt_and_a_second_one_conflicts(api: Api) -> None:
    consent = await api.grants()

    revoked, again = await api.revokes(consent["id"]), await api.revokes(consent["id"])

    assert (revoked.status_code, again.status_code) == (200, 409)
    assert revoked.json()["status"] == "revoked"
    assert revoked.json()["receipt"]["prev_hash"] == consent["receipt"]["hash"]
    assert again.json()["type"].endswith("/already-revoked")


async def test_the_state_of_an_earlier_moment_can_be_asked_for(api: Api, infra: Infra) -> None:
    consent = await api.grants()
    revoked = (await api.revokes(consent["id"])).json()

    before = await api.http.get(f"{api.patient}/consents", params={"as_of": "2020-01-01T00:00:00Z"})
    then = await api.http.get(f"{api.patient}/consents", params={"as_of": _time_of_grant(infra, consent["id"])})
    now = await api.http.get(f"{api.patient}/consents")

    assert before.json()["data"] == []
    assert [row["status"] for row in then.json()["data"]] == ["granted"]
    assert [row["status"] for row in now.json()["data"]] == [revoked["status"]]


def _time_of_grant(infra: Infra, consent_id: str) -> str:
    # JSON times are cut to milliseconds; the database's own time of the grant is exact.
    with psycopg.connect(infra.admin_url) as admin:
        row = admin.execute("select at from consent.event where consent_id = %s", (consent_id,)).fetchone()
    assert row is not None
    return str(row[0].isoformat())


async def test_lists_go_on_where_the_page_before_ended(api: Api) -> None:
    made = [(await api.grants(purpose))["id"] for purpose in ("recording", "transcription", "ai_analysis")]

    first = (await api.http.get("/consents", params={"limit": 2})).json()
    rest = (await api.http.get("/consents", params={"limit": 2, "cursor": first["next_cursor"]})).json()

    assert [row["id"] for row in first["data"] + rest["data"]] == made[::-1]
    assert (first["has_more"], rest["has_more"]) == (True, False)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [({"status": "granted"}, 1), ({"status": "revoked"}, 1), ({"consent_type": "ai_analysis"}, 1), ({}, 2)],
)
async def test_lists_can_be_narrowed(api: Api, wanted: dict[str, str], found: int) -> None:
    await api.revokes((await api.grants("recording"))["id"])
    await api.grants("ai_analysis")

    listed = (await api.http.get("/consents", params=wanted)).json()["data"]

    assert len(listed) == found


async def test_history_shows_every_entry_of_the_ledger(api: Api) -> None:
    await api.revokes((await api.grants())["id"])

    history = (await api.http.get(f"{api.patient}/consents/history")).json()["data"]

    assert [entry["status"] for entry in history] == ["revoked", "granted"]
    assert [entry["receipt"]["seq"] for entry in history] == [2, 1]


async def test_a_hold_answers_the_consents_or_says_what_is_missing(api: Api) -> None:
    consent = await api.grants()
    body = {"patient_id": str(api.tenant.patient_id), "therapist_id": None, "purposes": ["recording"]}

    held = await api.http.post("/holds", json=body)
    missing = await api.http.post("/holds", json=body | {"purposes": ["recording", "ai_analysis"]})

    assert held.json() == {"consents": {"recording": consent["id"]}}
    assert (missing.status_code, missing.json()["missing"]) == (403, ["ai_analysis"])


async def test_what_is_in_force_is_not_granted_twice_even_by_many_at_once(api: Api) -> None:
    answers = await asyncio.gather(*(api.http.post("/consents", json=api.grant()) for _ in range(6)))
    history = (await api.http.get(f"{api.patient}/consents/history")).json()["data"]

    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert {answer.json()["id"] for answer in answers} == {entry["consent_id"] for entry in history}
    assert len(history) == 1


async def test_another_text_or_a_grant_after_a_revocation_is_a_new_decision(api: Api) -> None:
    first = await api.grants()
    other = await api.grants(document="I agree to more.")
    await api.revokes(other["id"])
    again = await api.grants(document="I agree to more.")

    assert len({first["id"], other["id"], again["id"]}) == 3


async def test_a_text_that_says_nothing_is_not_published(api: Api) -> None:
    answer = await api.http.post("/consent-documents", json={"consent_type": "recording", "text": " \u200b "})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/body/text")


async def test_what_a_revocation_answered_can_be_read_again(api: Api) -> None:
    consent = await api.grants()
    before = await api.http.get(f"/consents/{consent['id']}/revocation")
    revoked = await api.revokes(consent["id"])

    again = await api.http.get(f"/consents/{consent['id']}/revocation")

    assert (before.status_code, again.json()) == (404, revoked.json())


async def test_an_unknown_consent_is_not_found(api: Api) -> None:
    answers = [await api.http.get(f"/consents/{uuid4()}"), await api.revokes(str(uuid4()))]

    assert [answer.status_code for answer in answers] == [404, 404]


@pytest.mark.parametrize(
    "wrong",
    [
        {"consent_type": "marketing"},
        {"attested": {"ip": "not an address"}},
        {"attested": {"ip": "fe80::1%John Smith"}},
        {"document": "one text", "document_sha256": "0" * 64},
        {"document": None},
        {"document": ""},
        {"document": " \n\u200b\u00ad"},
        {"document": None, "document_sha256": hashlib.sha256(b"").hexdigest()},
        {"metadata": {"words": "x" * 8001}},
        {"unknown": 1},
    ],
)
async def test_a_wrong_field_is_pointed_at(api: Api, wrong: dict[str, Any]) -> None:
    answer = await api.http.post("/consents", json=api.grant() | wrong)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].startswith("/body/")


async def test_without_a_capability_nothing_is_answered(api: Api) -> None:
    answer = await api.http.get("/consents", headers={"Authorization": "Bearer nonsense"})

    assert answer.status_code == 401


async def test_facts_of_a_decision_leave_through_the_outbox(api: Api, infra: Infra) -> None:
    await api.revokes((await api.grants())["id"])

    with psycopg.connect(infra.admin_url) as admin:
        rows = admin.execute(
            "select type, payload ->> 'consent_type' from consent.outbox "
            "where payload ->> 'organization_id' = %s order by xid, seq",
            (str(UUID(str(api.tenant.organization_id))),),
        ).fetchall()

    assert rows == [("consent.granted", "recording"), ("consent.revoked", "recording")]
