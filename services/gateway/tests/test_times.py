"""Times and time zones at the gateway: what is refused before anybody is asked, and whose clock is told along."""

from typing import Any

import pytest

from libs.devstack.infra import Infra
from services.gateway.tests.gateway_world import GatewayWorld, gateway_world

BEYOND = "9999-12-31T23:59:59-12:00"
WRONG = (BEYOND, "0001-01-01T00:00:00+14:00", "2026-09-08T15:00:00", "1788879600", "2026-09-08T25:00:00Z")
NEW_YORK, CHICAGO, LOS_ANGELES = "America/New_York", "America/Chicago", "America/Los_Angeles"
FORM = {"Content-Type": "multipart/form-data; boundary=b"}


async def _zone_seen(world: GatewayWorld, method: str = "POST", path: str = "/chat", **parts: Any) -> str | None:
    """Send a request; return the zone that the service behind was told."""
    parts = parts or {"json": {"patient_id": world.patient_id, "message": "What did I say yesterday?"}}
    answer = await world.http.request(method, f"/api/v1{path}", **parts)
    assert answer.status_code == 200, answer.text
    return world.peer.heard[-1].headers.get("time-zone")


async def _set(world: GatewayWorld, path: str, time_zone: str | None) -> dict[str, Any]:
    answer = await world.http.patch(f"/api/v1{path}", json={"time_zone": time_zone})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_time_that_no_part_could_read_or_without_a_zone_goes_nowhere(world: GatewayWorld, wrong: str) -> None:
    world.peer.heard.clear()
    queries = (
        (f"/patients/{world.patient_id}/consents", "as_of"),
        ("/sessions", "date_from"),
        ("/sessions", "date_to"),
        ("/audit-events", "since"),
        ("/audit-events", "until"),
    )
    answers = [
        (await world.http.get(f"/api/v1{path}", params={name: wrong}), f"/query/{name}") for path, name in queries
    ]
    key = {"name": "a key", "scopes": ["admin"], "expires_at": wrong}
    answers.append((await world.http.post("/api/v1/api-keys", json=key), "/body/expires_at"))
    rotate = f"/api/v1/api-keys/{world.key[9:21]}/rotate"
    answers.append((await world.http.post(rotate, json={"expires_at": wrong}), "/body/expires_at"))

    assert [answer.status_code for answer, _ in answers] == [422] * len(answers)
    assert [answer.json()["errors"][0]["pointer"] for answer, _ in answers] == [pointer for _, pointer in answers]
    assert not any(wrong in answer.text for answer, _ in answers)
    assert world.peer.heard == []


async def test_a_key_that_expires_at_the_end_of_time_can_be_read_again(world: GatewayWorld) -> None:
    last = "9999-12-31T23:59:59.999999Z"
    made = await world.http.post("/api/v1/api-keys", json={"name": "k", "scopes": ["admin"], "expires_at": last})

    listed = await world.http.get("/api/v1/api-keys")

    assert (made.status_code, listed.status_code) == (201, 200)
    assert "9999-12-31T23:59:59.999Z" in listed.text


async def test_an_organization_without_a_zone_has_the_deployments(infra: Infra) -> None:
    async with gateway_world(infra, patient_time_zone=CHICAGO) as world:
        organization = (await world.http.get("/api/v1/organization")).json()

        assert (organization["time_zone"], organization["effective_time_zone"]) == (None, CHICAGO)
        assert await _zone_seen(world) == CHICAGO


async def test_a_patients_zone_comes_before_the_organizations_and_both_can_be_taken_back(world: GatewayWorld) -> None:
    seen = [await _zone_seen(world)]
    of_organization = (await _set(world, "/organization", NEW_YORK))["effective_time_zone"]
    seen.append(await _zone_seen(world))
    of_patient = (await _set(world, f"/users/{world.patient_id}", LOS_ANGELES))["time_zone"]
    seen.append(await _zone_seen(world))
    await _set(world, f"/users/{world.patient_id}", None)
    seen.append(await _zone_seen(world))
    await _set(world, "/organization", None)
    seen.append(await _zone_seen(world))

    assert of_organization == NEW_YORK
    assert of_patient == LOS_ANGELES
    assert seen == ["UTC", NEW_YORK, LOS_ANGELES, NEW_YORK, "UTC"]


async def test_a_patient_who_asks_with_a_token_is_heard_by_their_own_clock(world: GatewayWorld) -> None:
    await _set(world, f"/users/{world.patient_id}", NEW_YORK)
    token = (await world.http.post(f"/api/v1/patients/{world.patient_id}/tokens")).json()["token"]

    async with world.as_bearer(token) as http:
        await http.post("/api/v1/chat", json={"message": "And yesterday?"}, headers={"Time-Zone": "Asia/Tokyo"})

    assert world.peer.heard[-1].headers["time-zone"] == NEW_YORK


async def test_days_are_those_of_the_patient_who_is_asked_about_and_else_of_the_organization(
    world: GatewayWorld,
) -> None:
    await _set(world, "/organization", NEW_YORK)
    await _set(world, f"/users/{world.patient_id}", LOS_ANGELES)
    day, instant = {"date_from": "2026-09-08"}, {"date_to": "2026-09-08T20:30:00-04:00"}

    told = [
        await _zone_seen(world, "GET", "/sessions", params=params)
        for params in (day, day | {"patient_id": world.patient_id}, instant)
    ]

    assert told == [NEW_YORK, LOS_ANGELES, None]


async def test_an_upload_is_told_the_organizations_zone_for_a_bare_date(world: GatewayWorld) -> None:
    await _set(world, "/organization", NEW_YORK)

    assert await _zone_seen(world, "POST", "/sessions", content=b"--b--", headers=FORM) == NEW_YORK


async def test_a_user_can_be_made_with_a_zone_and_is_exported_with_it(world: GatewayWorld) -> None:
    user = {"role": "patient", "email": "p@example.org", "time_zone": NEW_YORK}

    made = (await world.http.post("/api/v1/users", json=user)).json()

    assert made["time_zone"] == NEW_YORK
    assert (await world.http.get(f"/api/v1/users/{made['id']}")).json() == made


@pytest.mark.parametrize("wrong", ["Mars/Olympus", "localtime", "", "+02:00", "../etc/passwd", 7])
async def test_only_a_zone_of_the_iana_list_can_be_set(world: GatewayWorld, wrong: object) -> None:
    for path in ("organization", f"users/{world.patient_id}"):
        refused = await world.http.patch(f"/api/v1/{path}", json={"time_zone": wrong})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/body/time_zone")
        assert (await world.http.patch(f"/api/v1/{path}", json={})).status_code == 422


async def test_the_zone_of_another_organizations_user_is_not_found(infra: Infra, world: GatewayWorld) -> None:
    async with gateway_world(infra) as other:
        refused = await world.http.patch(f"/api/v1/users/{other.patient_id}", json={"time_zone": NEW_YORK})
        untouched = (await other.http.get(f"/api/v1/users/{other.patient_id}")).json()

    assert refused.status_code == 404
    assert untouched["time_zone"] is None
