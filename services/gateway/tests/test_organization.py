"""An organization's settings: changed one by one, told along with each message, and on record."""

import json
from typing import Any
from uuid import uuid4

import pytest

from services.gateway.tests.gateway_world import GatewayWorld

EMPTY = b'{"data": [], "has_more": false, "next_cursor": null}'


async def _settings(world: GatewayWorld) -> dict[str, Any]:
    answer = await world.http.get("/api/v1/organization")
    assert answer.status_code == 200, answer.text
    return {name: answer.json()[name] for name in ("time_zone", "chat_mode", "release")}


async def _change(world: GatewayWorld, **settings: Any) -> None:
    answer = await world.http.patch("/api/v1/organization", json=settings)
    assert answer.status_code == 200, answer.text


async def _mode_told(world: GatewayWorld, **headers: str) -> str | None:
    body = {"patient_id": world.patient_id, "message": "What did I say?"}
    answer = await world.http.post("/api/v1/chat", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return world.peer.heard[-1].headers.get("chat-mode")


async def test_a_new_organization_recalls_and_releases_by_itself(world: GatewayWorld) -> None:
    assert await _settings(world) == {"time_zone": None, "chat_mode": "recall", "release": "auto"}


async def test_a_setting_that_is_left_out_stays_as_it_is(world: GatewayWorld) -> None:
    await _change(world, time_zone="America/Chicago")
    await _change(world, chat_mode="quotes")
    await _change(world, release="therapist")
    changed = await _settings(world)
    await _change(world, time_zone=None)

    assert changed == {"time_zone": "America/Chicago", "chat_mode": "quotes", "release": "therapist"}
    assert await _settings(world) == changed | {"time_zone": None}


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"chat_mode": "loud"}, "/body/chat_mode"),
        ({"chat_mode": None}, "/body/chat_mode"),
        ({"release": "never"}, "/body/release"),
        ({"release": None}, "/body/release"),
        ({}, "/body"),
        ({"mode": "off"}, "/body/mode"),
    ],
)
async def test_only_known_settings_with_known_values_are_taken(
    world: GatewayWorld, wrong: dict[str, Any], pointer: str
) -> None:
    before = await _settings(world)

    refused = await world.http.patch("/api/v1/organization", json=wrong)

    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    assert await _settings(world) == before


async def test_the_chat_is_told_the_mode_with_each_message_and_not_by_the_caller(world: GatewayWorld) -> None:
    told = [await _mode_told(world)]
    for mode in ("quotes", "off", "recall"):
        await _change(world, chat_mode=mode)
        told.append(await _mode_told(world, **{"Chat-Mode": "recall", "Accept": "text/event-stream"}))

    assert told == ["recall", "quotes", "off", "recall"]


async def test_a_chat_that_is_off_is_told_as_the_chat_said_it(world: GatewayWorld) -> None:
    world.peer.refuses(403, "chat-off", crisis_resources={"call_or_text": "988"})

    answer = await world.http.post("/api/v1/chat", json={"patient_id": world.patient_id, "message": "Hello"})

    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (403, "chat-off")
    assert answer.json()["crisis_resources"] == {"call_or_text": "988"}


async def test_only_the_change_of_a_setting_is_on_record(world: GatewayWorld) -> None:
    await _change(world, chat_mode="quotes")
    await _change(world, chat_mode="quotes")
    await _change(world, release="therapist")
    world.peer.body = EMPTY

    rows = (await world.http.get("/api/v1/audit-events")).json()["data"]

    found = [row for row in rows if row["kind"] == "organization.changed"]

    assert [row["organization_id"] for row in found] == [world.organization_id] * 2
    assert {row["actor"] for row in found} == {f"key:{world.key.split('_')[2]}"}


async def test_a_release_and_its_taking_back_are_asked_of_ingestion_with_no_more_than_that_takes(
    world: GatewayWorld,
) -> None:
    session = str(uuid4())
    world.peer.body = json.dumps({"id": session, "released": True}).encode()
    path = f"/api/v1/sessions/{session}/release"

    answers = [await world.http.post(path), await world.http.delete(path)]

    heard = world.peer.heard[-2:]

    assert [answer.json()["released"] for answer in answers] == [True, True]
    assert [(one.method, one.path) for one in heard] == [
        ("POST", f"/sessions/{session}/release"),
        ("DELETE", f"/sessions/{session}/release"),
    ]
    assert {one.claims.scopes for one in heard} == {frozenset({"ingestion:write"})}


async def test_a_release_that_is_sent_again_is_answered_with_the_session_as_it_is_now(world: GatewayWorld) -> None:
    session, key = str(uuid4()), {"Idempotency-Key": uuid4().hex}
    world.peer.body = json.dumps({"id": session, "released": True}).encode()
    await world.http.post(f"/api/v1/sessions/{session}/release", headers=key)
    world.peer.body = json.dumps({"id": session, "released": False}).encode()

    again = await world.http.post(f"/api/v1/sessions/{session}/release", headers=key)

    assert (again.headers["idempotent-replayed"], again.json()["released"]) == ("true", False)
    assert (world.peer.heard[-1].method, world.peer.heard[-1].path) == ("GET", f"/sessions/{session}")


@pytest.mark.parametrize("released", ["true", "false"])
async def test_sessions_are_listed_by_whether_they_are_released(world: GatewayWorld, released: str) -> None:
    await world.http.get("/api/v1/sessions", params={"released": released})

    assert world.peer.heard[-1].path == "/sessions"
    assert f"released={released}" in world.peer.heard[-1].query
