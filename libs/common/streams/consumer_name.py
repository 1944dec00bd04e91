"""A consumer's name holds its host, pid namespace and process, and is never reused."""

import os
import secrets
import socket
from pathlib import Path

_PARTS = 5


def new_consumer_name() -> str:
    """Return `host|pid namespace|pid|start time|6 hex`; two containers with one host name differ."""
    pid = os.getpid()
    return f"{socket.gethostname()}|{_namespace()}|{pid}|{_start_time(pid)}|{secrets.token_hex(3)}"


def is_dead_here(name: str) -> bool:
    """Tell whether the name is of a process of this host and namespace that is gone (or whose pid was reused)."""
    parts = name.split("|")
    if len(parts) != _PARTS or parts[:2] != [socket.gethostname(), _namespace()] or not parts[2].isdecimal():
        return False
    # With the start time: the kernel gives the number of a dead process to the next.
    return _start_time(int(parts[2])) != parts[3]


def _namespace() -> str:
    try:
        return Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        return "-"


def _start_time(pid: int) -> str:
    try:
        # Field 22 of proc(5); the second field may hold spaces, so count from the last parenthesis.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return "-" if Path("/proc/self").exists() or not _runs(pid) else "?"


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
