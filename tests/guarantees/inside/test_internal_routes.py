"""What a route behind the gateway demands is what was reviewed (docs/reference/authorization-inside.md)."""

import ast
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.devstack.stack import Stack
from services.ingestion.tests.ingestion_world import wav
from tests.e2e.client import World
from tests.guarantees.inside.clinic import Clinic, clinic
from tests.guarantees.inside.demands import (
    DEMANDS,
    FAMILIES,
    FOLDER,
    INTERNAL,
    OF_EVERY_SERVICE,
    InternalRoute,
    callers,
    internal_routes,
)

VERBS = ("get", "post", "put", "patch", "delete")
ALL_SCOPES = frozenset(f"{family}:{verb}" for family in FAMILIES for verb in ("read", "write"))


def test_every_route_that_a_service_registers_is_listed() -> None:
    registered = sorted(
        f"{service} {call}"
        for service in INTERNAL
        for path in (FOLDER / service).rglob("*.py")
        if "tests" not in path.parts
        for call in _registrations(path)
    )

    listed = sorted(route.name for route in internal_routes() if route.path not in OF_EVERY_SERVICE)

    assert listed == registered


def test_every_route_has_a_row_and_no_row_is_of_a_route_that_is_gone() -> None:
    assert {route.name for route in internal_routes()} == set(DEMANDS)


def test_the_consent_service_is_asked_by_all_who_touch_a_patients_words() -> None:
    assert callers()["consent"] == ["gateway", "ingestion", "transcriber", "embedder", "chat"]


@pytest.fixture(scope="module")
async def filled(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Clinic]:
    world = await World.open(stack.gateway_url, stack.operator_token)
    silence = tmp_path_factory.mktemp("recordings") / "silence.wav"
    silence.write_bytes(wav())
    yield await clinic(stack, world, silence)
    await world.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("route", internal_routes(), ids=lambda route: route.name)
async def test_a_route_tells_and_does_nothing_without_each_scope_that_it_demands(
    filled: Clinic, route: InternalRoute
) -> None:
    demand = DEMANDS[route.name]
    without_one = [ALL_SCOPES - {f"{_family(scope)}:read", f"{_family(scope)}:write"} for scope in demand.scopes]
    # To write more is needed than to read.
    for_reading = [
        less | {f"{_family(scope)}:read"}
        for less, scope in zip(without_one, demand.scopes, strict=True)
        if scope.endswith(":write")
    ]

    by_nobody = await filled.tells(route, None)
    by_less = [await filled.tells(route, scopes) for scopes in (*without_one, *for_reading)]
    by_those = await filled.tells(route, None if demand.open else demand.scopes)

    assert (by_nobody, any(by_less), by_those) == (demand.open, False, True)


def _family(scope: str) -> str:
    return scope.partition(":")[0]


def _registrations(path: Path) -> list[str]:
    """Return the routes that a file registers by a decorator, as `GET /path`."""
    functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.AsyncFunctionDef)]
    calls = [one for function in functions for one in function.decorator_list if isinstance(one, ast.Call)]
    return [
        f"{call.func.attr.upper()} {ast.literal_eval(call.args[0])}"
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr in VERBS
    ]
