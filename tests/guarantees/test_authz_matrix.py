"""Who may do what is what was reviewed (docs/reference/authorization.md), and what the gateway does over HTTP."""

import re
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from libs.devstack.infra import Infra
from services.gateway.domain import Scope
from services.gateway.routes import ROUTES, Route
from services.gateway.tests.gateway_world import OPERATOR as OPERATOR_TOKEN
from services.gateway.tests.gateway_world import GatewayWorld, gateway_app, gateway_world
from tests.guarantees.authorization import (
    CALLERS,
    KEY,
    NOBODY,
    OPERATOR,
    OUTSIDE_THE_TABLE,
    PATIENT,
    WITH_A_CREDENTIAL,
    admits,
)
from tests.guarantees.generate import DOCS, PAGES

PAGE = "authorization.md"


@pytest.fixture(scope="module")
async def organization(infra: Infra) -> AsyncIterator[GatewayWorld]:
    async with gateway_world(infra) as opened:
        yield opened


@pytest.fixture(scope="module")
async def credentials(organization: GatewayWorld) -> dict[str, str]:
    token = await organization.http.post(f"/api/v1/patients/{organization.patient_id}/tokens")
    scoped = {scope.value: str((await organization.new_key(scope.value))["api_key"]) for scope in Scope}
    return {NOBODY: "", PATIENT: token.json()["token"], OPERATOR: OPERATOR_TOKEN, **scoped}


def test_who_may_do_what_is_what_was_reviewed() -> None:
    assert PAGES[PAGE]() == (DOCS / PAGE).read_text()


async def test_whatever_the_public_side_serves_is_in_the_table_or_named_outside_it(infra: Infra) -> None:
    async with gateway_app(infra, "http://127.0.0.1:1") as app:
        served = {(route.path, method) for route in iter_route_contexts(app.routes) for method in route.methods or ()}

    beside = served - {(route.path, route.method) for route in ROUTES}

    assert beside == {(path, "GET") for path in OUTSIDE_THE_TABLE}


@pytest.mark.parametrize("path", OUTSIDE_THE_TABLE)
@pytest.mark.parametrize("env", ["dev", "test"])
async def test_what_is_outside_the_table_lets_in_whom_the_page_says(infra: Infra, path: str, env: str) -> None:
    who, _ = OUTSIDE_THE_TABLE[path]
    async with gateway_app(infra, "http://127.0.0.1:1", env=env) as app:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
            answer = await http.get(re.sub(r"\{\w+\}", "none", path))

    assert (answer.status_code == httpx.codes.UNAUTHORIZED) == (who == WITH_A_CREDENTIAL and env != "dev")


def test_nobody_is_let_in_anywhere() -> None:
    assert [route.path for route in ROUTES if admits(route, NOBODY)] == []


def test_a_patients_token_reaches_the_chat_and_only_the_chat() -> None:
    assert {route.tag for route in ROUTES if admits(route, PATIENT)} == {"chat"}


def test_reading_is_never_forwarded_with_more_than_reading_but_for_the_chat() -> None:
    reads = [route for route in ROUTES if route.method == "GET" and route.tag != "chat"]

    assert all(scope.endswith(":read") for route in reads for scope in route.capability)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation_id)
async def test_every_caller_is_let_in_over_http_where_the_page_says_and_nowhere_else(
    organization: GatewayWorld, credentials: dict[str, str], route: Route
) -> None:
    path = re.sub(r"\{(\w+)\}", lambda name: KEY if name[1] == "key_id" else str(uuid4()), route.path)

    let_in = {}
    for caller in CALLERS:
        async with organization.as_bearer(credentials[caller]) as http:
            let_in[caller] = await _is_let_in(http, route.method, path)

    assert let_in == {caller: admits(route, caller) for caller in CALLERS}


async def _is_let_in(http: httpx.AsyncClient, method: str, path: str) -> bool:
    """Ask for nothing that is there, with a body that says nothing: whoever is let in hears about that instead."""
    if http.headers["Authorization"].strip() == "Bearer":
        del http.headers["Authorization"]
    async with http.stream(method, path, json={} if method in ("POST", "PATCH") else None) as answer:
        if answer.status_code not in (401, 403):
            return True
        await answer.aread()
    return not str(answer.json()["type"]).endswith(("/unauthenticated", "/forbidden"))
