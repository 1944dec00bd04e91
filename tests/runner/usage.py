"""How much CPU a process and everything below it has used."""

import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s() -> float:
    """Return the CPU seconds of this process, its living descendants, and those they waited for."""
    if sys.platform != "linux":  # without /proc the servers count once they have ended
        return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    used: dict[int, float] = {}
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - a Path for each of the machine's processes costs more than this
        with suppress(OSError, ValueError):
            pid = int(entry)
            # proc(5): after the name the parent is field 4, and CPU times of itself and of children are 14 to 17.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            used[pid] = sum(int(ticks) for ticks in fields[11:15]) / _TICKS
            children.setdefault(int(fields[1]), []).append(pid)
    total, left = 0.0, [os.getpid()]
    while left:
        pid = left.pop()
        total += used.get(pid, 0.0)
        left += children.get(pid, [])
    return total
