"""Which addresses a process listens on, as the kernel tells it."""

from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path

from libs.devstack.conditions import block_until
from libs.devstack.servers.processes import start_time

ENDS_WITHIN_S = 5.0
_LISTEN = "0A"


def listening(pid: int) -> set[tuple[str, int]]:
    """Return (address, port) of every TCP socket a process and its children listen on; IPv6 in hex."""
    sockets = {link for member in _family(pid) for link in _sockets(member)}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN and f"socket:[{fields[9]}]" in sockets:
                address, _, port = fields[1].partition(":")
                found.add((_shown(address), int(port, 16)))
    return found


def _family(pid: int) -> list[int]:
    children = _unless_it_ends(pid, lambda: Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return [pid, *(member for child in children for member in _family(int(child)))]


def _sockets(pid: int) -> list[str]:
    folder = Path(f"/proc/{pid}/fd")
    return _unless_it_ends(pid, lambda: [link for descriptor in folder.iterdir() for link in _link(descriptor)])


def _link(descriptor: Path) -> list[str]:
    try:
        return [str(descriptor.readlink())]
    except FileNotFoundError:
        return []  # it was closed meanwhile


def _unless_it_ends(pid: int, read: Callable[[], list[str]]) -> list[str]:
    """Return what is read of a process, or nothing of one that is ending, which the kernel refuses in several ways."""
    try:
        return read()
    except OSError:
        block_until(lambda: start_time(pid) is None, ENDS_WITHIN_S)
        return []


def _shown(address: str) -> str:
    return str(IPv4Address(bytes.fromhex(address)[::-1])) if len(address) == 8 else address
