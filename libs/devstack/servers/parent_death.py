"""Becomes another program, after arranging what only the new process itself can arrange on Linux.

Run by path with `-I -S`, so it imports nothing of ours:
    python parent_death.py PARENT SIGNAL MODE PROGRAM ARGUMENT...
PARENT  pid whose death ends the program with SIGNAL (a number), or 0: the program outlives whoever started it.
MODE    `same`: as this user. `namespace`: inside a user namespace where root is nobody, for programs that refuse root;
        files keep their real owner, so a folder below a private home serves. `uid:N`: as that user, for kernels that
        forbid namespaces.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
NOBODY = 65534
EXIT_CANNOT = 77


def main(parent: int, number: int, mode: str, program: list[str]) -> None:
    """Change into `program`; exits with EXIT_CANNOT where the kernel refuses the mode."""
    libc = ctypes.CDLL(None, use_errno=True)
    if mode == "namespace":
        _enter_namespace(libc)
    elif mode.startswith("uid:"):
        _become(int(mode.removeprefix("uid:")))
    # After the change of user: the kernel forgets the wish when credentials change.
    if parent:
        libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
    os.execv(program[0], program)


def _enter_namespace(libc: ctypes.CDLL) -> None:
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(_CLONE_NEWUSER) != 0:
        sys.exit(EXIT_CANNOT)
    try:
        for name, line in (
            ("setgroups", "deny"),
            ("uid_map", f"{NOBODY} {uid} 1"),
            ("gid_map", f"{NOBODY} {gid} 1"),
        ):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123
                file.write(line)
    except OSError:
        sys.exit(EXIT_CANNOT)


def _become(uid: int) -> None:
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
