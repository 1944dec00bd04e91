"""Ports of this machine that nobody uses."""

import os
import random
import socket
import time
from collections.abc import Collection
from contextlib import ExitStack, suppress
from pathlib import Path

# Below the range from which systems take ports for outgoing connections, or one of those would take ours.
FIRST = 20000
LAST = 22767
# SeaweedFS's own worker expects the admin server's gRPC port this far above its HTTP port.
PAIR_DISTANCE = 10000
TRIES = 2000
# SeaweedFS makes a Unix socket in /tmp for each of its gRPC ports, and leaves it there when it is killed.
GRPC_PARTS = ("master", "volume", "filer", "s3", "admin")
# A server that was given a port listens on it within this.
KEPT_S = 60.0
_RANDOM = random.SystemRandom()
_kept: dict[int, tuple[float, int]] = {}
"""Since when, and the socket, which ends with the process."""


def pick(count: int, but: Collection[int] = ()) -> list[int]:
    """Return ports that are free on loopback (`but` these), each with the port PAIR_DISTANCE above it.

    For a minute no other process is given them: their numbers are kept by sockets of UDP, which no server here uses.
    """
    picked: list[int] = []
    for port in [port for port, (since, _) in _kept.items() if time.monotonic() - since > KEPT_S]:
        os.close(_kept.pop(port)[1])
    with ExitStack() as held:
        for _ in range(TRIES):
            if len(picked) == count:
                return picked
            port = _RANDOM.randint(FIRST, LAST)
            if port not in but and _keep(port) and _bound(port, held) and _bound(port + PAIR_DISTANCE, held):
                picked.append(port)
    raise OSError("no free ports on loopback")


def are_free(ports: list[int]) -> bool:
    """Tell whether all of them, and the ports PAIR_DISTANCE above, could be listened on now."""
    with ExitStack() as held:
        return all(_bound(port, held) and _bound(port + PAIR_DISTANCE, held) for port in ports)


def grpc_sockets(port: int) -> list[Path]:
    """Return where SeaweedFS's socket for this gRPC port would be, by the part it would belong to."""
    return [Path(f"/tmp/seaweedfs-{part}-grpc-{port}.sock") for part in GRPC_PARTS]


def _keep(port: int) -> bool:
    mark = socket.socket(type=socket.SOCK_DGRAM)
    try:
        mark.bind(("127.0.0.1", port))
    except OSError:
        mark.close()
        return False
    _kept[port] = (time.monotonic(), mark.detach())
    return True


def _bound(port: int, held: ExitStack) -> bool:
    if any(is_somebody_elses(path, os.geteuid()) for path in grpc_sockets(port)):
        return False
    listener = held.enter_context(socket.socket())
    # As servers do: what is left of closed connections does not count as use.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def is_somebody_elses(path: Path, uid: int) -> bool:
    """Tell whether a file is there that this user may not remove from /tmp."""
    with suppress(FileNotFoundError):
        return uid not in (0, path.lstat().st_uid)
    return False
