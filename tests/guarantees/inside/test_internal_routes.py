"""What a route behind the gateway demands is what was reviewed (docs/reference/authorization-inside.md)."""

from collections.abc import AsyncIterator

import pytest

from libs.devstack.stack import Stack
from services.ingestion.tests.ingestion_world import wav
from tests.e2e.client import World
from tests.guarantees.inside.demands import (
    DEMANDS,
    FAMILIES,
    InternalRoute,
    internal_routes,
)
from tests.guarantees.inside.organization import FilledOrganization, filled_organization

ALL_SCOPES = frozenset(f"{family}:{verb}" for family in FAMILIES for verb in ("read", "write"))


@pytest.fixture(scope="module")
async def filled(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FilledOrganization]:
    world = await World.open(stack.gateway_url, stack.operator_token)
    silence = tmp_path_factory.mktemp("recordings") / "silence.wav"
    silence.write_bytes(wav())
    yield await filled_organization(stack, world, silence)
    await world.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("route", internal_routes(), ids=lambda route: route.name)
async def test_a_route_tells_and_does_nothing_without_each_scope_that_it_demands(
    filled: FilledOrganization, route: InternalRoute
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
