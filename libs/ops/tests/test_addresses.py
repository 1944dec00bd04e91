"""Wrong addresses and wrong passwords are said as such, with an exit code, and never with what was given."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from libs.ops.tests.events_world import World

SECRET = "hunter-of-secrets"
ADDRESSES = {
    "no scheme": f"host:{SECRET}@nowhere",
    "another scheme": f"http://u:{SECRET}@host/1",
    "a port in words": f"redis://u:{SECRET}@host:port/0",
    "half an IPv6": f"redis://u:{SECRET}@[::1/0",
    "nothing but words": SECRET,
}
DATABASES = {
    "no scheme": f"host:{SECRET}@nowhere",
    "another database's": f"nosuch://u:{SECRET}@host/db",
    "a port in words": f"postgresql+psycopg://u:{SECRET}@host:port/db",
    "another driver": f"postgresql+nosuch://u:{SECRET}@host/db",
    "nothing but words": SECRET,
}


def _typed(world: World, *words: str, **changes: Any) -> tuple[int, str]:
    world.connection = replace(world.connection, **changes)
    result = world.types(*words)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert SECRET not in result.output
    return result.exit_code, result.output


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES)
def test_a_malformed_address_of_the_stream_is_wrong_usage(world: World, address: str) -> None:
    code, said = _typed(world, "events", "lag", redis_url=address)

    assert (code, "REDIS_URL" in said) == (2, True)


@pytest.mark.parametrize("address", DATABASES.values(), ids=DATABASES)
def test_a_malformed_address_of_the_database_is_wrong_usage(world: World, address: str) -> None:
    code, said = _typed(world, "outbox", "status", database_url=address)

    assert (code, "OPS_DATABASE_URL" in said) == (2, True)


@pytest.mark.parametrize("key", [{"key": "schlüssel"}, {"operator_token": "\u202ex"}], ids=["key", "token"])
def test_a_key_that_can_be_none_is_wrong_usage(world: World, key: dict[str, str]) -> None:
    code, said = _typed(world, "users", "list", **key)

    assert (code, "no" in said) == (2, True)


def test_a_malformed_address_of_the_gateway_is_wrong_usage(world: World) -> None:
    code, said = _typed(world, "users", "list", url="http://[::1")

    assert (code, "THERAPYRAG_URL" in said) == (2, True)


def test_a_password_the_stream_refuses_is_said_to_be_refused(world: World) -> None:
    server = urlsplit(world.infra.redis_url)
    url = f"redis://default:{SECRET}@{server.hostname}:{server.port}/9"

    code, said = _typed(world, "events", "lag", redis_url=url)

    assert (code, "refuses this login" in said) == (3, True)


def test_a_password_the_database_refuses_is_said_to_be_refused(world: World) -> None:
    good = urlsplit(world.connection.database_url or "")
    url = good._replace(netloc=f"svc_ops:{SECRET}@{good.hostname}:{good.port}").geturl()

    code, said = _typed(world, "outbox", "status", database_url=url)

    assert (code, "refuses this login" in said) == (3, True)


def test_a_database_that_is_another_is_said_so(world: World) -> None:
    good = urlsplit(world.connection.database_url or "")
    url = good._replace(path="/postgres").geturl()

    code, said = _typed(world, "outbox", "status", database_url=url)

    assert code in (1, 3), said


def test_a_key_of_the_stream_that_holds_something_else_is_said_so(world: World) -> None:
    world.redis.set("{recording}:s", "x")

    code, said = _typed(world, "events", "lag")

    assert (code, "WRONGTYPE" in said) == (1, True)
