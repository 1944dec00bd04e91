"""A full disk, for one running server: the kernel refuses its every write until there is room again.

RLIMIT_FSIZE at 0 makes write(2) fail inside the server (EFBIG, as ENOSPC would), with its files, connections and memory
as they are, and the limit can be lifted again without a restart. `weed mini` has no minFreeSpace to set; a small file
system of its own would need the right to mount; filling the machine's disk would hit everybody else.
"""

import resource

from libs.devstack.servers.processes import Process


def fill(process: Process) -> None:
    """Let no file of the process grow or be written any more. Linux only."""
    _limit(process, 0)


def free(process: Process) -> None:
    """Let it write again; nothing happens if it is gone."""
    _limit(process, resource.RLIM_INFINITY)


def _limit(process: Process, bytes_max: int) -> None:
    if process.is_alive:
        _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (bytes_max if hard < 0 else min(bytes_max, hard), hard))
