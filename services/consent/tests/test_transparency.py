"""What a stranger reads over HTTP, the texts that were agreed to, and consents as FHIR."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from libs.common.http.app import AppSpec, build_app
from libs.contracts.ids import OrganizationId
from libs.contracts.tests.tenant import Tenant
from libs.devstack.infra import Infra
from libs.ledger.signatures import Receipt, VerifyKey
from services.consent.api.routes import build_router
from services.consent.domain import document_digest
from services.consent.tests.ledger_world import Ledger
from services.consent.tests.test_api import Api

FHIR = {"Accept": "application/fhir+json"}
TEXT = "I agree that my sessions are recorded."
STATUSES = {"draft", "proposed", "active", "rejected", "inactive", "entered-in-error"}


@pytest.fixture
async def ledger(infra: Infra, tenant: Tenant) -> AsyncIterator[Ledger]:
    made = Ledger(infra, tenant)
    yield made
    await made.database.close()


@pytest.fixture
async def api(ledger: Ledger, tenant: Tenant) -> AsyncIterator[Api]:
    app = build_app(AppSpec(title="consent", version="1", routers=[build_router(ledger.services)]))
    headers = {"Authorization": f"Bearer {tenant.capability('consent:write')}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://consent", headers=headers) as http:
        yield Api(http, tenant)


async def listed(api: Api, what: str, limit: int = 2) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor = None
    while True:
        answer = await api.http.get(
            f"/transparency/{what}", params={"limit": limit} | ({"cursor": cursor} if cursor else {})
        )
        assert answer.status_code == 200, answer.text
        rows += answer.json()["data"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return rows


async def test_both_answers_carry_a_receipt_that_the_served_key_verifies(api: Api, ledger: Ledger) -> None:
    consent = await api.grants(method="written")
    revoked = (await api.revokes(consent["id"])).json()

    (served,) = await listed(api, "keys")

    assert VerifyKey.parse(served["verifier_key"]) == ledger.key.public
    for answer in (consent, revoked):
        assert Receipt.read(answer["receipt"]).is_signed(ledger.ring)
        assert set(answer["receipt"]) == set(Receipt.__dataclass_fields__)


async def test_the_ledger_as_it_is_served_page_by_page_verifies(api: Api, ledger: Ledger) -> None:
    for purpose in ("recording", "transcription", "ai_analysis"):
        await api.revokes((await api.grants(purpose, document=TEXT))["id"])
    await ledger.signs()

    entries, rows, notes = [await listed(api, what) for what in ("entries", "in-force", "checkpoints")]

    verdict = await ledger.verdict(every_receipt=True)

    assert [entry["seq"] for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert {entry["evidence"] for entry in entries} == {"kept"}
    assert [(row["status"], row["at_seq"]) for row in rows] == [("revoked", 6)] * 3
    assert [note["seq"] for note in notes] == [6]
    assert (verdict.entries, verdict.covered_to, verdict.receipts, verdict.broken) == (6, 6, 6, None)


async def test_an_entry_holds_no_circumstances_but_their_digest(api: Api) -> None:
    await api.grants(metadata={"ward": "north"}, attested={"ip": "203.0.113.77"})

    text = (await api.http.get("/transparency/entries")).text

    assert not any(word in text for word in ("north", "203.0.113.77", "192.0.2.7", "portal/1"))


async def test_the_latest_checkpoint_says_how_far_it_reaches(api: Api, ledger: Ledger) -> None:
    await api.grants()
    before = await api.http.get("/transparency/checkpoint")
    signed = await ledger.signs()
    await api.grants("transcription")

    latest = (await api.http.get("/transparency/checkpoint")).json()

    assert before.status_code == 404
    assert (latest["seq"], latest["entries_now"], latest["hash"]) == (1, 2, signed.hash.hex())
    assert signed.is_signed(latest["note"], ledger.ring)


async def test_checkpoints_and_entries_need_a_capability_that_the_database_believes(api: Api) -> None:
    await api.grants()
    forged = {"Authorization": f"Bearer {api.tenant.capability('consent:read')[:-1]}x"}

    for what in ("checkpoint", "checkpoints", "entries", "in-force"):
        assert (await api.http.get(f"/transparency/{what}", headers=forged)).status_code == 401


@pytest.mark.parametrize("what", ["entries", "checkpoints", "in-force"])
async def test_a_made_up_cursor_is_pointed_at(api: Api, what: str) -> None:
    answer = await api.http.get(f"/transparency/{what}", params={"cursor": "-1; drop"})

    assert answer.status_code == 422


async def test_method_actor_and_witness_are_on_each_entry(api: Api) -> None:
    consent = await api.grants(method="verbal", witnessed_by=str(api.tenant.therapist_id))
    await api.http.post(f"/consents/{consent['id']}/revoke", json={"method": "verbal", "attested": {"ip": "192.0.2.9"}})

    revoked, granted = (await api.http.get(f"{api.patient}/consents/history")).json()["data"]

    assert (granted["method"], granted["witnessed_by"]) == ("verbal", str(api.tenant.therapist_id))
    assert (revoked["method"], revoked["actor"]) == ("verbal", f"user:{api.tenant.therapist_id}")


async def test_what_was_only_said_needs_a_witness(api: Api) -> None:
    answer = await api.http.post("/consents", json=api.grant() | {"method": "verbal"})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/body/witnessed_by")


async def publishes(
    api: Api, text: str = TEXT, consent_type: str = "recording", language: str = "en"
) -> httpx.Response:
    body = {"consent_type": consent_type, "language": language, "text": text}
    return await api.http.post("/consent-documents", json=body)


async def test_a_language_with_room_for_a_name_in_it_is_refused(api: Api) -> None:
    answer = await publishes(api, language="en-x-johnsmit")

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/body/language")


async def test_texts_are_published_as_versions_and_a_grant_may_name_one(api: Api) -> None:
    first, second = await publishes(api), await publishes(api, TEXT + " By video too.")
    other_language = await publishes(api, "Ich stimme zu.", language="de")

    consent = await api.grants(document_id=second.json()["id"], document=None)

    found = await api.http.get(f"/consent-documents/{second.json()['id']}")
    listing = await api.http.get("/consent-documents", params={"language": "en"})

    assert [made.json()["version"] for made in (first, second, other_language)] == [1, 2, 1]
    assert consent["document_sha256"] == second.json()["sha256"] == document_digest(TEXT + " By video too.").hex()
    assert found.json() == second.json()
    assert [row["version"] for row in listing.json()["data"]] == [2, 1]


async def test_a_text_is_published_once(api: Api) -> None:
    await publishes(api)

    again, elsewhere = await publishes(api), await publishes(api, consent_type="ai_analysis")

    assert (again.status_code, elsewhere.status_code) == (422, 201)


async def test_a_grant_names_no_text_that_is_unknown_or_for_another_purpose_or_not_the_one_it_sends(api: Api) -> None:
    document = (await publishes(api)).json()["id"]

    answers = [
        await api.http.post("/consents", json=api.grant() | {"document_id": str(uuid4()), "document": None}),
        await api.http.post("/consents", json=api.grant("ai_analysis") | {"document_id": document, "document": None}),
        await api.http.post("/consents", json=api.grant() | {"document_id": document, "document": "another"}),
    ]

    assert [answer.status_code for answer in answers] == [404, 422, 422]


async def test_nobody_sees_the_texts_of_another_organization(api: Api, infra: Infra, tenant: Tenant) -> None:
    document = (await publishes(api)).json()["id"]
    stranger = Tenant(OrganizationId(uuid4()), tenant.patient_id, tenant.therapist_id, tenant.minter)
    headers = {"Authorization": f"Bearer {stranger.capability('consent:write')}"}

    found = await api.http.get(f"/consent-documents/{document}", headers=headers)
    listing = await api.http.get("/consent-documents", headers=headers)

    assert (found.status_code, listing.json()["data"]) == (404, [])


def follows_the_structure(resource: dict[str, Any]) -> None:
    """Hold a resource against R4's required elements, codes and invariants for Consent."""
    assert resource["resourceType"] == "Consent"
    assert resource["status"] in STATUSES
    (scope,) = resource["scope"]["coding"]
    assert scope["system"] == "http://terminology.hl7.org/CodeSystem/consentscope"
    assert scope["code"] in {"adr", "research", "patient-privacy", "treatment"}
    assert resource["category"]
    assert all(coding["system"] for category in resource["category"] for coding in category["coding"])
    assert resource.get("policy") or resource.get("policyRule")  # ppc-1
    assert all("uri" in policy or "authority" in policy for policy in resource.get("policy", []))
    assert resource["patient"]["reference"].startswith("Patient/")  # ppc-2
    assert all(isinstance(each["verified"], bool) for each in resource.get("verification", []))
    provision = resource["provision"]
    assert provision["type"] in {"deny", "permit"}
    assert provision["period"]["start"] == resource["dateTime"]
    assert all({"role", "reference"} <= set(actor) for actor in provision["actor"])
    codes = {coding["code"] for action in provision["action"] for coding in action["coding"]}
    assert codes <= {"collect", "access", "use", "disclose", "correct"}
    assert {purpose["system"] for purpose in provision["purpose"]} == {
        "http://terminology.hl7.org/CodeSystem/v3-ActReason"
    }
    assert _empty_in(resource) == []


def _empty_in(value: Any, path: str = "") -> list[str]:
    """R4: no element is null, an empty object, an empty list or an empty string."""
    if value in (None, {}, [], ""):
        return [path]
    if isinstance(value, dict):
        return [found for key, each in value.items() for found in _empty_in(each, f"{path}.{key}")]
    return [found for each in value for found in _empty_in(each, path)] if isinstance(value, list) else []


@pytest.mark.parametrize("purpose", ["recording", "transcription", "ai_analysis"])
@pytest.mark.parametrize("more", [{}, {"document": TEXT}, {"witnessed_by": str(uuid4())}])
async def test_a_consent_is_a_fhir_resource_when_that_is_asked_for(
    api: Api, purpose: str, more: dict[str, str]
) -> None:
    consent = await api.grants(purpose, **more)

    answer = await api.http.get(f"/consents/{consent['id']}", headers=FHIR)

    follows_the_structure(answer.json())

    assert answer.headers["content-type"].startswith("application/fhir+json")
    assert (answer.json()["id"], answer.json()["status"]) == (consent["id"], "active")


async def test_a_consent_that_was_taken_back_is_inactive_with_an_end(api: Api) -> None:
    consent = await api.grants()
    revoked = (await api.revokes(consent["id"])).json()

    resource = (await api.http.get(f"/consents/{consent['id']}", headers=FHIR)).json()

    follows_the_structure(resource)

    assert resource["status"] == "inactive"
    assert resource["provision"]["period"]["end"] == revoked["revoked_at"]


async def test_lists_of_consents_are_searchsets(api: Api) -> None:
    await api.revokes((await api.grants("recording"))["id"])
    await api.grants("ai_analysis")

    for path in ("/consents?limit=1", f"{api.patient}/consents"):
        bundle = (await api.http.get(path, headers=FHIR)).json()
        assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "searchset")
        for entry in bundle["entry"]:
            follows_the_structure(entry["resource"])
            assert entry["search"] == {"mode": "match"}
    first = (await api.http.get("/consents?limit=1", headers=FHIR)).json()

    assert first["link"][0]["relation"] == "next"


async def test_an_empty_list_is_a_searchset_without_entries(api: Api) -> None:
    bundle = (await api.http.get("/consents", headers=FHIR)).json()

    assert bundle == {"resourceType": "Bundle", "type": "searchset"}


async def test_without_asking_for_fhir_the_answer_is_our_own(api: Api) -> None:
    consent = await api.grants()

    plain = await api.http.get(f"/consents/{consent['id']}", headers={"Accept": "application/json, */*"})

    assert plain.headers["content-type"] == "application/json"
    assert plain.json()["receipt"] == consent["receipt"]
