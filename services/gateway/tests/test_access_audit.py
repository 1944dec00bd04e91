"""Who gave or ended access: written by the database itself, listed with what else is on record."""

from typing import Any

import psycopg
import pytest

from libs.contracts.tests.tenant import Tenant
from libs.devstack.infra import Infra
from services.gateway.tests.gateway_world import GatewayWorld

EMPTY = b'{"data": [], "has_more": false, "next_cursor": null}'
_FORGED = (
    "insert into gateway.access_audit (organization_id, kind, subject, actor) values (%s, 'key.created', 'x', 'y')"
)
_KEY = (
    "insert into gateway.api_key (id, organization_id, name, mode, scopes, pepper_version, digest, last_four)"
    " values (left(md5(random()::text), 12), %s, 'by hand', 'test', '{admin}', 1, sha256(''), 'abcd')"
)


async def _record(world: GatewayWorld) -> list[dict[str, Any]]:
    world.peer.body = EMPTY
    rows: list[dict[str, Any]] = (await world.http.get("/api/v1/audit-events")).json()["data"]
    return rows


async def test_who_made_replaced_and_ended_a_key_is_on_record(world: GatewayWorld) -> None:
    first = world.key.split("_")[2]
    made = await world.new_key("sessions:read")
    successor = (await world.http.post(f"/api/v1/api-keys/{made['id']}/rotate")).json()
    await world.http.delete(f"/api/v1/api-keys/{successor['id']}")

    newest = (await _record(world))[:4]

    assert [(row["kind"], row["key_id"]) for row in newest[:1] + newest[3:]] == [
        ("key.revoked", successor["id"]),
        ("key.created", made["id"]),
    ]
    assert {(row["kind"], row["key_id"]) for row in newest[1:3]} == {
        ("key.created", successor["id"]),
        ("key.replaced", made["id"]),
    }
    assert {(row["actor"], row["api_key_id"]) for row in newest} == {(f"key:{first}", first)}


async def test_the_first_key_of_an_organization_is_on_record_as_the_operators(world: GatewayWorld) -> None:
    oldest = (await _record(world))[-1]

    assert (oldest["kind"], oldest["key_id"]) == ("key.created", world.key.split("_")[2])
    assert oldest["actor"] == "operator"


async def test_a_patient_and_a_token_are_on_record_with_whom_they_are_about(world: GatewayWorld) -> None:
    patient = await world.new_user("patient")
    minted = (await world.http.post(f"/api/v1/patients/{patient}/tokens")).json()
    await world.http.delete(f"/api/v1/patients/{patient}/tokens/{minted['jti']}")
    await world.new_user("therapist")

    rows = await _record(world)

    about = [(row["kind"], row.get("token_id") or row["user_id"]) for row in rows if row["patient_id"] == patient]

    assert about == [("token.revoked", minted["jti"]), ("token.created", minted["jti"]), ("user.created", patient)]
    assert (rows[0]["kind"], rows[0]["patient_id"]) == ("user.created", None)


async def test_a_key_that_somebody_made_at_the_database_is_on_record_too(world: GatewayWorld, infra: Infra) -> None:
    with psycopg.connect(infra.admin_url) as admin:
        admin.execute(_KEY, [world.organization_id])

    newest, *_ = await _record(world)

    assert (newest["kind"], newest["actor"].partition(":")[0], newest["api_key_id"]) == (
        "key.created",
        "database",
        None,
    )


def test_not_even_sql_of_the_gateway_writes_into_the_record(infra: Infra, tenant: Tenant) -> None:
    with psycopg.connect(infra.database_url("gateway").replace("+psycopg", "")) as gateway:
        gateway.execute("select ctx.enter(%s)", [tenant.capability("gateway:write", "audit:read")])

        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            gateway.execute(_FORGED, [tenant.organization_id])
