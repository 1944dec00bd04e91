"""A Python that has imported third-party packages once, and forks a process for each of our modules it is asked to run.

Run by path, and imports nothing of ours: whatever is forked imports our modules itself, from the folder it is given.
    python fork_server.py SOCKET PACKAGE...
SOCKET   descriptor of one end of a pair (SOCK_SEQPACKET): a request comes with the descriptor of its output, and the
         answer is a pid. It ends with whoever holds the other end.
PACKAGE  modules to import beforehand; none may start a thread, which a fork would lose.
What Python itself reads from the environment (PYTHONPATH, PYTHONHASHSEED) is this process's, whatever a request says.
"""

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
from types import FrameType
from typing import Any

MESSAGE_BYTES_MAX = 150_000
INHERITED = "FORK_SERVER"
"""Names the descriptor by which a forked process reaches a server of its own, as warm as the one it came from."""
_PR_SET_PDEATHSIG = 1


def main(descriptor: int, packages: list[str]) -> None:
    """Serve; in each forked process, run the module as `python -m` does."""
    sys.path.pop(0)  # the folder of this file: none of its modules may stand in for a package
    # Until the freeze: a collection while importing would only walk over what stays for good.
    gc.disable()
    # Or numpy's library starts a thread for each core; a forked process has the environment that it is given.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    for package in packages:
        importlib.import_module(package)
    # Neither the imports nor a forked process spend a collection on what stays for good, or copy its pages.
    gc.freeze()
    module = _serve(socket.socket(fileno=descriptor))
    gc.enable()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _serve(asked: socket.socket) -> str:
    """Return in each forked process the module it is to run, and never in this one."""
    signal.signal(signal.SIGCHLD, _reap)
    while True:
        message, descriptors, _, _ = socket.recv_fds(asked, MESSAGE_BYTES_MAX, 1)
        if not message:
            os._exit(0)
        request, server = json.loads(message), os.getpid()
        pid = os.fork()
        if not pid:
            asked.close()
            return _become(request, descriptors[0], server)
        os.close(descriptors[0])
        asked.send(str(pid).encode())


def _reap(_number: int, _frame: FrameType | None) -> None:
    """Wait for whatever has ended, so that its CPU counts as this process's."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _become(request: dict[str, Any], output: int, server: int) -> str:
    """Arrange all that a new process of its own would have; return the module."""
    # A session of its own, as launch() gives to every other process: it is killed as a group.
    os.setsid()
    _end_with(server, request["stop_signal"])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path.insert(0, request["folder"])
    module, *arguments = request["module"]
    sys.argv = [module, *arguments]
    return _with_a_server(module) if request["serves"] else str(module)


def _with_a_server(module: str) -> str:
    """Fork a server for this process before it imports anything; return the module in both and in what that forks."""
    asking, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    parent = os.getpid()
    server = os.fork()
    if not server:
        asking.close()
        _end_with(parent, signal.SIGKILL)
        return _serve(asked)
    asked.close()
    os.environ[INHERITED] = str(os.dup(asking.fileno()))
    atexit.register(_end_server, asking, server)
    return module


def _end_server(asking: socket.socket, server: int) -> None:
    """End it and wait for it, so that the CPU of all that it forked counts as this process's."""
    asking.shutdown(socket.SHUT_RDWR)
    os.waitpid(server, 0)


def _end_with(parent: int, number: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        # The parent may have ended before prctl was called, and no signal comes for that any more.
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
