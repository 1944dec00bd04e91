"""Which addresses a process listens on, as the kernel tells it."""

import contextlib
from ipaddress import IPv4Address
from pathlib import Path

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
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []  # it ended meanwhile
    return [pid, *(member for child in children for member in _family(int(child)))]


def _sockets(pid: int) -> set[str]:
    found = set()
    with contextlib.suppress(FileNotFoundError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found.add(str(descriptor.readlink()))
    return found


def _shown(address: str) -> str:
    return str(IPv4Address(bytes.fromhex(address)[::-1])) if len(address) == 8 else address
