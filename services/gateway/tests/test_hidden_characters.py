"""Control, bidirectional and zero-width characters come through the gateway in no name, id or correction."""

from uuid import uuid4

import pytest

from services.gateway.tests.gateway_world import OPERATOR, GatewayWorld

HIDDEN = ("\x1b[2J", "\x9b31m", "\u202e", "\u200b", "\u2066", "\ufeff", "\n", "\t")


@pytest.mark.parametrize("hidden", HIDDEN)
async def test_no_name_and_no_id_holds_what_cannot_be_seen(world: GatewayWorld, hidden: str) -> None:
    user = {"role": "patient", "email": "p@example.org"}
    sent = (
        ("/api/v1/api-keys", {"name": f"a{hidden}b", "scopes": ["admin"]}, "/body/name"),
        ("/api/v1/users", user | {"external_id": f"a{hidden}b"}, "/body/external_id"),
        ("/api/v1/users", user | {"email": f"a{hidden}b@example.org"}, "/body/email"),
    )

    for path, body, pointer in sent:
        refused = await world.http.post(path, json=body)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == pointer

    operator = {"Authorization": f"Bearer {OPERATOR}"}
    for name in ("name", "admin_key_name"):
        body = {"name": "an organization"} | {name: f"a{hidden}b"}
        refused = await world.http.post("/operator/v1/organizations", json=body, headers=operator)
        assert refused.status_code == 422


@pytest.mark.parametrize("hidden", HIDDEN[:-2])
async def test_no_correction_holds_what_cannot_be_seen(world: GatewayWorld, hidden: str) -> None:
    segment = {"id": 1, "text": f"I slept{hidden} well."}
    path = f"/api/v1/sessions/{uuid4()}/transcript"

    refused = await world.http.patch(path, json={"segments": [segment]}, headers={"If-Match": '"1"'})

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/body/segments/0/text"
    assert world.peer.heard == []
