"""Consents at the gateway: who may record them, what is told about them, and in which form they are read."""

import json
from uuid import uuid4

import pytest

from services.gateway.tests.gateway_world import GatewayWorld

FHIR = "application/fhir+json"


async def test_a_key_that_may_only_witness_must_name_who_witnessed(world: GatewayWorld) -> None:
    key = await world.new_key("consent:witnessed")

    async with world.as_bearer(key["api_key"]) as http:
        alone = await http.post("/api/v1/consents", json=world.grant)
        named = await http.post("/api/v1/consents", json=world.grant | {"witnessed_by": world.therapist_id})

    assert (alone.status_code, named.status_code) == (403, 200)
    assert world.therapist_id.encode() in world.peer.heard[-1].body


async def test_a_witness_is_a_therapist_of_this_organization(world: GatewayWorld) -> None:
    for nobody in (str(uuid4()), world.patient_id):
        answer = await world.http.post("/api/v1/consents", json=world.grant | {"witnessed_by": nobody})
        assert answer.status_code == 404

    assert world.peer.heard == []


async def test_how_a_decision_was_told_goes_along_both_ways(world: GatewayWorld) -> None:
    await world.http.post("/api/v1/consents", json=world.grant | {"method": "written"})
    granted = world.peer.heard[-1].body
    told = {"method": "verbal", "attested": {"ip": "203.0.113.5"}}
    await world.http.post(f"/api/v1/consents/{uuid4()}/revoke", json=told)

    assert b'"method":"written"' in granted.replace(b" ", b"")
    assert all(word in world.peer.heard[-1].body for word in (b"verbal", b"203.0.113.5", b"observed"))


async def test_a_method_that_is_none_is_refused(world: GatewayWorld) -> None:
    answer = await world.http.post("/api/v1/consents", json=world.grant | {"method": "telepathy"})

    assert answer.status_code == 422


@pytest.mark.parametrize("odd", ['"\\ud800"', "NaN"])
async def test_metadata_that_cannot_be_written_down_again_are_refused(world: GatewayWorld, odd: str) -> None:
    body = json.dumps(world.grant | {"metadata": {"note": "ODD"}}).replace('"ODD"', odd)

    answer = await world.http.post("/api/v1/consents", content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/body/metadata")
    assert world.peer.heard == []


@pytest.mark.parametrize("path", ["/consents", f"/consents/{uuid4()}", "/patients/PATIENT/consents"])
async def test_the_form_of_an_answer_is_the_callers_choice(world: GatewayWorld, path: str) -> None:
    world.peer.content_type = FHIR

    answer = await world.http.get(f"/api/v1{path.replace('PATIENT', world.patient_id)}", headers={"Accept": FHIR})

    assert world.peer.heard[-1].headers["accept"] == FHIR
    assert answer.headers["content-type"] == FHIR


async def test_a_text_is_published_by_an_administrator_and_read_by_whoever_records_consents(
    world: GatewayWorld,
) -> None:
    world.peer.status = 201
    key = await world.new_key("consent:write")
    text = {"consent_type": "recording", "text": "I agree."}

    async with world.as_bearer(key["api_key"]) as http:
        refused = await http.post("/api/v1/consent-documents", json=text)
        listed = await http.get("/api/v1/consent-documents")
    published = await world.http.post("/api/v1/consent-documents", json=text)

    assert (refused.status_code, listed.status_code, published.status_code) == (403, 201, 201)
    assert published.headers["location"] == "/api/v1/consent-documents/x"
    assert world.peer.heard[-1].claims.scopes == {"consent:write"}


@pytest.mark.parametrize("what", ["keys", "checkpoint", "checkpoints", "entries", "in-force"])
async def test_what_a_stranger_checks_with_is_asked_for_with_no_more_than_reading(
    world: GatewayWorld, what: str
) -> None:
    answer = await world.http.get(f"/api/v1/transparency/{what}")

    heard = world.peer.heard[-1]

    assert answer.status_code == 200
    assert (heard.path, set(heard.claims.scopes)) == (f"/transparency/{what}", {"consent:read"})


async def test_entries_name_patients_so_not_every_key_reads_them(world: GatewayWorld) -> None:
    key = await world.new_key("chat:delegate")

    async with world.as_bearer(key["api_key"]) as http:
        answers = [await http.get(f"/api/v1/transparency/{what}") for what in ("entries", "in-force", "checkpoint")]

    assert [answer.status_code for answer in answers] == [403, 403, 200]
