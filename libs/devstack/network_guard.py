"""Keeps tests on this machine: a connection or a name lookup beyond loopback is refused where Python makes it."""

import ipaddress
import os
import sys
from collections.abc import Mapping
from urllib.parse import urlsplit

_ADDRESSES = ("DATABASE_URL", "REDIS_URL", "MINIO_ENDPOINT", "DOCKER_HOST")
_NAMES = frozenset({"", "localhost"})


class NetworkUseError(RuntimeError):
    """A test tried to leave this machine."""


class NetworkGuard:
    """An audit hook of the interpreter. Hosts that the environment names as servers stay allowed."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._allowed = _NAMES | {_host(environment.get(name, "")) for name in _ADDRESSES}

    def install(self) -> None:
        """Guard from now on; an audit hook cannot be taken back."""
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        """Refuse `socket.connect` and `socket.getaddrinfo` to foreign hosts."""
        if event == "socket.connect" and isinstance(arguments[1], tuple):
            self._check(arguments[1][0])
        elif event == "socket.getaddrinfo":
            self._check(arguments[0])

    def _check(self, host: object) -> None:
        name = host.decode() if isinstance(host, bytes) else str(host or "")
        if name in self._allowed or _is_loopback(name):
            return
        raise NetworkUseError(f"a test reached for {name}: tests stay on this machine")


def from_environment() -> NetworkGuard:
    """Make the guard for this process's environment."""
    return NetworkGuard(os.environ)


def _host(address: str) -> str:
    return urlsplit(address if "://" in address else f"//{address}").hostname or ""


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False
