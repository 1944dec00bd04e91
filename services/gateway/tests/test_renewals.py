"""The operators' API: capabilities for events that are replayed after their own have expired."""

import json
from datetime import timedelta
from typing import Any

import psycopg

from libs.common.clock import utc_now
from libs.common.ids import new_id
from libs.contracts.capability import parse
from libs.devstack.infra import Infra
from services.gateway.tests.gateway_world import OPERATOR, GatewayWorld


def _renewal(world: GatewayWorld, *purposes: str) -> dict[str, Any]:
    ids = {"organization_id": world.organization_id, "patient_id": world.patient_id}
    return ids | {"therapist_id": world.therapist_id, "session_id": str(new_id()), "purposes": list(purposes)}


def _record(infra: Infra, patient_id: str) -> list[tuple[str, str]]:
    with psycopg.connect(infra.admin_url) as connection:
        found = connection.execute(
            "select state, who from ops.action where what = 'gateway.renew_capability' "
            "and arguments ->> 'patient_id' = %s order by id",
            (patient_id,),
        )
        return [(str(state), str(who)) for state, who in found]


async def test_an_operator_has_a_capability_minted_for_one_session_after_consent_was_asked_and_it_is_written_down(
    world: GatewayWorld, infra: Infra
) -> None:
    wanted = _renewal(world, "recording", "transcription")

    async with world.as_bearer(OPERATOR) as http:
        made = await http.post("/operator/v1/capabilities", json=wanted)

    claims = parse(made.json()["capability"])
    asked = json.loads(world.peer.heard[-1].body)

    assert made.status_code == 201
    assert (str(claims.organization_id), str(claims.patient_id)) == (world.organization_id, world.patient_id)
    assert str(claims.session_id) == wanted["session_id"]
    assert timedelta(hours=23) < claims.expires_at - utc_now() <= timedelta(hours=24)
    assert not any(scope.startswith("gateway:") or scope == "consent:write" for scope in claims.scopes)
    assert asked == {"patient_id": world.patient_id, "therapist_id": world.therapist_id} | {
        "purposes": ["recording", "transcription"]
    }
    assert _record(infra, world.patient_id) == [("done", "operator")]


async def test_without_consent_no_capability_is_minted_and_the_refusal_is_written_down(
    world: GatewayWorld, infra: Infra
) -> None:
    world.peer.refuses(403, "consent-required")

    async with world.as_bearer(OPERATOR) as http:
        refused = await http.post("/operator/v1/capabilities", json=_renewal(world, "ai_analysis"))

    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (403, "consent-required")
    assert _record(infra, world.patient_id) == [("denied", "operator")]


async def test_no_capability_is_minted_for_a_patient_of_another_organization_or_by_a_key(
    world: GatewayWorld, infra: Infra
) -> None:
    foreign = _renewal(world) | {"organization_id": str(new_id())}

    async with world.as_bearer(OPERATOR) as http:
        answer = await http.post("/operator/v1/capabilities", json=foreign)
    by_key = await world.http.post("/operator/v1/capabilities", json=_renewal(world))

    assert (answer.status_code, by_key.status_code) == (404, 401)
    assert _record(infra, world.patient_id) == []
