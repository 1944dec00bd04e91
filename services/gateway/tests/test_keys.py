"""The life of a key: made, used, replaced, expired, and moved to a new pepper."""

import secrets
from datetime import datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import event

from libs.common.clock import utc_now
from libs.common.database.transaction import Database
from libs.common.errors import AppError
from libs.common.ids import new_id
from libs.contracts.capability import Minter
from libs.devstack.infra import Infra
from services.gateway.access.authentication import Authenticator
from services.gateway.access.authority import Authority
from services.gateway.access.patient_tokens import TokenSigner
from services.gateway.key_format import Peppers, new_key
from services.gateway.tests.gateway_world import GatewayWorld, gateway

OLD_PEPPER, NEW_PEPPER = "11" * 32, "77" * 32


def _slug(answer: httpx.Response) -> str:
    return str(answer.json()["type"].rpartition("/")[2])


def _in_hours(hours: float) -> str:
    return (utc_now() + timedelta(hours=hours)).isoformat()


def _time_passes(infra: Infra, key_id: str) -> None:
    """Let a key's end come: what it expires at is moved into the past."""
    with psycopg.connect(infra.admin_url) as admin:
        admin.execute("update gateway.api_key set expires_at = now() - interval '1 second' where id = %s", [key_id])


async def _status(world: GatewayWorld, credential: str, url: str | None = None) -> int:
    headers = {"Authorization": f"Bearer {credential}"}
    async with httpx.AsyncClient(base_url=url or world.url, headers=headers, trust_env=False) as http:
        return (await http.get("/api/v1/me")).status_code


async def test_a_rotated_key_and_its_successor_both_work_until_the_overlap_is_over(
    world: GatewayWorld, infra: Infra
) -> None:
    old = await world.new_key("sessions:read")

    rotated = await world.http.post(f"/api/v1/api-keys/{old['id']}/rotate", json={"overlap_seconds": 3600})

    successor = rotated.json()
    keys = {key["id"]: key for key in (await world.http.get("/api/v1/api-keys")).json()["data"]}
    ends_in = datetime.fromisoformat(keys[old["id"]]["expires_at"]) - utc_now()
    during = [await _status(world, key["api_key"]) for key in (old, successor)]
    _time_passes(infra, old["id"])
    after = [await _status(world, key["api_key"]) for key in (old, successor)]

    assert (rotated.status_code, successor["replaces"], successor["scopes"]) == (201, old["id"], ["sessions:read"])
    assert keys[old["id"]]["replaced_by"] == successor["id"]
    assert timedelta(minutes=59) < ends_in <= timedelta(hours=1)
    assert (during, after) == ([200, 200], [401, 200])


async def test_a_key_is_replaced_once_and_only_while_it_is_in_force(world: GatewayWorld, infra: Infra) -> None:
    old, expired = await world.new_key("sessions:read"), await world.new_key("sessions:read")
    path = f"/api/v1/api-keys/{old['id']}/rotate"
    first = await world.http.post(path)
    _time_passes(infra, expired["id"])

    again = await world.http.post(path)
    late = await world.http.post(f"/api/v1/api-keys/{expired['id']}/rotate")

    assert (again.status_code, _slug(again), again.json()["replaced_by"]) == (409, "key-replaced", first.json()["id"])
    assert late.status_code == 404


@pytest.mark.parametrize("name", ["", " ", "\x00", "one\x00", "\x00one", "x" * 201])
async def test_a_key_has_a_name_that_can_be_kept(world: GatewayWorld, name: str) -> None:
    answer = await world.http.post("/api/v1/api-keys", json={"name": name, "scopes": ["sessions:read"]})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/body/name")


@pytest.mark.parametrize("overlap", [0, 59, 30 * 86400 + 1])
async def test_an_overlap_is_a_minute_to_thirty_days(world: GatewayWorld, overlap: int) -> None:
    key = await world.new_key("sessions:read")

    answer = await world.http.post(f"/api/v1/api-keys/{key['id']}/rotate", json={"overlap_seconds": overlap})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/body/overlap_seconds")


async def test_the_last_key_that_administers_for_good_is_not_followed_by_one_that_expires(world: GatewayWorld) -> None:
    own = f"/api/v1/api-keys/{world.key[9:21]}"
    made = {"name": "for a month", "scopes": ["admin"], "expires_at": _in_hours(720)}
    passing = await world.http.post("/api/v1/api-keys", json=made)

    rotated = await world.http.post(f"{own}/rotate", json={"expires_at": _in_hours(720)})
    revoked = await world.http.delete(own)

    assert passing.status_code == 201
    assert [(answer.status_code, _slug(answer)) for answer in (rotated, revoked)] == [(409, "last-admin-key")] * 2


async def test_a_key_that_expires_makes_none_that_lasts_longer_and_no_token_that_does(
    world: GatewayWorld, infra: Infra
) -> None:
    scopes = ["admin", "patients:tokens"]
    body = {"name": "short", "scopes": scopes, "expires_at": _in_hours(0.1)}
    short = (await world.http.post("/api/v1/api-keys", json=body)).json()
    async with world.as_bearer(short["api_key"]) as http:
        forever = await http.post("/api/v1/api-keys", json={"name": "x", "scopes": ["admin"]})
        token = (await http.post(f"/api/v1/patients/{world.patient_id}/tokens")).json()

    _time_passes(infra, short["id"])

    assert (forever.status_code, _slug(forever)) == (403, "forbidden")
    assert datetime.fromisoformat(token["expires_at"]) <= datetime.fromisoformat(short["expires_at"])
    assert await _status(world, short["api_key"]) == 401
    assert await _status(world, token["token"]) == 401


async def test_a_key_moves_to_a_new_pepper_when_it_is_used_and_needs_the_old_one_no_more(
    world: GatewayWorld, infra: Infra
) -> None:
    both = {"key_pepper": NEW_PEPPER, "key_pepper_version": 2, "key_peppers_old": f"1:{OLD_PEPPER}"}
    new_only = {"key_pepper": NEW_PEPPER, "key_pepper_version": 2}
    left_behind = await world.new_key("sessions:read")

    async with gateway(infra, world.url, **new_only) as url:
        too_early = await _status(world, world.key, url)
    async with gateway(infra, world.url, **both) as url:
        moved = await _status(world, world.key, url)
    async with gateway(infra, world.url, **new_only) as url:
        after = [await _status(world, key, url) for key in (world.key, left_behind["api_key"])]

    assert (too_early, moved, after) == (401, 200, [200, 401])


async def test_unknown_wrong_revoked_and_expired_keys_cost_the_same_statements(
    world: GatewayWorld, infra: Infra
) -> None:
    revoked, expired = await world.new_key("sessions:read"), await world.new_key("sessions:read")
    await world.http.delete(f"/api/v1/api-keys/{revoked['id']}")
    _time_passes(infra, expired["id"])
    unknown = new_key("test", secrets.choice)
    wrong = type(unknown)(unknown.mode, world.key[9:21], unknown.secret)

    asked = [
        await _statements_for(infra, key) for key in (unknown.text, wrong.text, revoked["api_key"], expired["api_key"])
    ]

    assert len(asked[0]) == 1
    assert asked == [asked[0]] * 4


async def test_garbage_is_refused_without_asking_the_database(infra: Infra) -> None:
    assert await _statements_for(infra, new_key("test", secrets.choice).text[:-1] + "!") == []


async def _statements_for(infra: Infra, credential: str) -> list[str]:
    database = Database(infra.database_url("gateway"))
    authority = Authority(Minter(infra.capability_key_id, infra.capability_key), utc_now, new_id)
    signer = TokenSigner(None, utc_now)
    asked: list[str] = []

    def heard(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        asked.append(statement)

    event.listen(database._engine.sync_engine, "before_cursor_execute", heard)
    try:
        with pytest.raises(AppError):
            await Authenticator(database, authority, signer, Peppers(1, bytes.fromhex(OLD_PEPPER))).identify(
                {"authorization": f"Bearer {credential}"}
            )
    finally:
        await database.close()
    return asked
