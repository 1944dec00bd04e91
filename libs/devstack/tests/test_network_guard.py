"""Tests cannot leave this machine, and are told so in a sentence."""

import socket

import pytest

from libs.devstack.network_guard import NetworkGuard, NetworkUseError


def test_a_connection_beyond_loopback_is_refused() -> None:
    with socket.socket() as outside, pytest.raises(NetworkUseError, match="stay on this machine"):
        outside.connect(("192.0.2.1", 80))


def test_a_name_beyond_this_machine_is_not_looked_up() -> None:
    with pytest.raises(NetworkUseError):
        socket.getaddrinfo("api.example.org", 443)


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
        assert socket.getaddrinfo("localhost", 80)


@pytest.mark.parametrize(
    "address", ["postgresql://u:p@db.example.org/x", "redis://db.example.org", "db.example.org:90"]
)
@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL", "MINIO_ENDPOINT"])
def test_the_servers_that_the_environment_names_stay_reachable(name: str, address: str) -> None:
    guard = NetworkGuard({name: address})

    guard("socket.getaddrinfo", ("db.example.org", 1))

    with pytest.raises(NetworkUseError):
        guard("socket.getaddrinfo", ("other.example.org", 1))
