"""Whom an organization's patients are to call in a crisis: set by it, told to the chat and in refusals."""

from typing import Any

import httpx
import pytest

from libs.common.clock import utc_now
from libs.common.database.transaction import Database
from libs.common.ids import new_id
from libs.contracts.capability import Minter
from libs.contracts.ids import ApiKeyId, OrganizationId
from libs.contracts.organization.own_help_lines import LINE_CHARS_MAX, NOTHING_SET, OWN_LINES_MAX, CrisisSettings
from libs.contracts.safety import help_lines, help_lines_for
from libs.devstack.infra import Infra
from services.gateway.access.authority import Authority
from services.gateway.api.chat import crisis_lookup
from services.gateway.domain import Principal
from services.gateway.organization.handlers import OrganizationSettings
from services.gateway.organization.store import OrganizationStore
from services.gateway.tests.gateway_world import NOBODY, GatewayWorld, gateway, gateway_world
from services.gateway.tests.test_crisis_fallback import NO_DATABASE

LINE = {"name": "Krisendienst Köln \N{TELEPHONE RECEIVER}", "contact": "020 7946 0142"}
OURS = {"country": "GB", "crisis_lines": [LINE]}
TOLD = CrisisSettings.model_validate({"country": "GB", "lines": [LINE]})
RESOURCES = help_lines_for(TOLD, help_lines("US")).to_json()


async def _set(world: GatewayWorld, **settings: Any) -> dict[str, Any]:
    answer = await world.http.patch("/api/v1/organization", json=settings)
    assert answer.status_code == 200, answer.text
    return {name: answer.json()[name] for name in ("country", "crisis_lines")}


def _asking(world: GatewayWorld) -> dict[str, str]:
    return {"message": "I cannot go on.", "patient_id": world.patient_id}


async def test_country_and_lines_are_set_kept_and_taken_back_one_by_one(world: GatewayWorld) -> None:
    before = await _set(world, chat_mode="recall")
    steps = [await _set(world, **OURS), await _set(world, release="auto"), await _set(world, country=None)]
    steps.append(await _set(world, crisis_lines=[]))

    assert before == steps[-1] == {"country": None, "crisis_lines": []}
    assert steps[:3] == [OURS, OURS, OURS | {"country": None}]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"country": "UK"}, "/body/country"),
        ({"country": "gb"}, "/body/country"),
        ({"crisis_lines": None}, "/body/crisis_lines"),
        ({"crisis_lines": [LINE] * (OWN_LINES_MAX + 1)}, "/body/crisis_lines"),
        ({"crisis_lines": [{"name": "On call"}]}, "/body/crisis_lines/0/contact"),
        ({"crisis_lines": [LINE | {"name": " "}]}, "/body/crisis_lines/0/name"),
        ({"crisis_lines": [LINE | {"contact": "1" * (LINE_CHARS_MAX + 1)}]}, "/body/crisis_lines/0/contact"),
        ({"crisis_lines": [LINE, LINE | {"contact": "020\u202e7946"}]}, "/body/crisis_lines/1/contact"),
        ({"crisis_lines": [LINE | {"name": "a\nb"}]}, "/body/crisis_lines/0/name"),
    ],
)
async def test_only_known_countries_and_short_visible_lines_are_taken(
    world: GatewayWorld, wrong: dict[str, Any], pointer: str
) -> None:
    await _set(world, **OURS)

    refused = await world.http.patch("/api/v1/organization", json=wrong)

    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    assert await _set(world, chat_mode="recall") == OURS


async def test_the_chat_is_told_with_each_message_and_not_by_the_caller(world: GatewayWorld) -> None:
    others = CrisisSettings(country="DE").headers()
    await world.http.post("/api/v1/chat", json=_asking(world), headers=others)
    await _set(world, **OURS)
    await world.http.post("/api/v1/chat", json=_asking(world), headers=others)

    told = [CrisisSettings.of_caller(httpx.Headers(heard.headers)) for heard in world.peer.heard]

    assert told == [NOTHING_SET, TOLD]


async def test_a_repeated_request_is_told_the_lines_of_now(world: GatewayWorld) -> None:
    world.peer.body = b'{"message_id": "0199f2a4-1b0c-7d10-9a01-2f7a5b3c4d5e"}'
    again = {"Idempotency-Key": "once"}
    await world.http.post("/api/v1/chat", json=_asking(world), headers=again)
    await _set(world, **OURS)

    await world.http.post("/api/v1/chat", json=_asking(world), headers=again)

    heard = world.peer.heard[-1]

    assert (heard.method, CrisisSettings.of_caller(httpx.Headers(heard.headers))) == ("GET", TOLD)


async def test_changed_lines_are_on_record_and_the_same_ones_are_not(world: GatewayWorld) -> None:
    steps: list[dict[str, Any]] = [OURS, OURS, {"country": "IE"}, {"crisis_lines": []}]
    for settings in steps:
        await _set(world, **settings)
    world.peer.body = b'{"data": [], "has_more": false, "next_cursor": null}'

    rows = (await world.http.get("/api/v1/audit-events")).json()["data"]

    assert len([row for row in rows if row["kind"] == "organization.changed"]) == 3
    assert LINE["contact"] not in str(rows)


@pytest.mark.parametrize("crisis", [True, False])
async def test_above_the_limit_the_organizations_lines_are_told(infra: Infra, crisis: bool) -> None:
    async with gateway_world(infra, requests_per_hour=3) as world:  # two went into its users
        await _set(world, **OURS)
        world.peer.crisis = crisis
        answer = await world.http.post("/api/v1/chat", json=_asking(world))

    assert (answer.status_code, answer.json().get("crisis_resources")) == ((200, None) if crisis else (429, RESOURCES))
    assert CrisisSettings.of_caller(httpx.Headers(world.peer.heard[-1].headers)) == TOLD


async def test_two_organizations_whose_chat_is_broken_are_each_told_their_own_lines(infra: Infra) -> None:
    async with gateway_world(infra) as ours, gateway_world(infra) as others:
        await _set(ours, **OURS)
        told = []
        for world in (ours, others, ours):
            world.peer.refuses(503, "unavailable")
            told.append((await world.http.post("/api/v1/chat", json=_asking(world))).json()["crisis_resources"])

    assert told == [RESOURCES, help_lines("US").to_json(), RESOURCES]


async def test_without_a_database_the_services_country_is_told(world: GatewayWorld, infra: Infra) -> None:
    await _set(world, **OURS)

    async with (
        gateway(infra, world.peer_url, database_url=NO_DATABASE, crisis_country="IE") as url,
        world.as_bearer(world.key) as http,
    ):
        answer = await http.post(f"{url}/api/v1/chat", json=_asking(world))

    assert (answer.status_code, answer.json()["crisis_resources"]) == (503, help_lines("IE").to_json())
    assert [heard.claims for heard in world.peer.heard] == [NOBODY]


async def test_a_caller_who_is_known_is_told_the_services_country_when_the_database_goes_away(infra: Infra) -> None:
    gone = Database(NO_DATABASE)
    settings = OrganizationSettings(gone, OrganizationStore(), "UTC")
    authority = Authority(Minter(infra.capability_key_id, infra.capability_key), utc_now, new_id)
    caller = Principal(OrganizationId(new_id()), ApiKeyId("tests"), "key:tests")

    found = [await crisis_lookup(settings, authority)(one) for one in (caller, None)]
    await gone.close()

    assert found == [NOTHING_SET, NOTHING_SET]
