"""Processes that run a module of ours, forked from a Python that has imported the packages of others once.

Importing them takes a service four fifths of the CPU of its start, and tests start services some hundred times.
Our own modules are imported by each process itself, so a fork runs what `python -m` would run.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from libs.devstack.errors import DevstackError
from libs.devstack.servers.fork_server import INHERITED, MESSAGE_BYTES_MAX
from libs.devstack.servers.processes import (
    Process,
    Program,
    bound_to_parent,
    popen_kept,
    recorded,
    refuse_other_threads,
)

SERVICE_PACKAGES = (
    "sqlalchemy.ext.asyncio", "sqlalchemy.dialects.postgresql.psycopg", "psycopg", "redis.asyncio", "hiredis", "minio",
    "fastapi", "uvicorn.protocols.http.auto", "uvicorn.loops.auto", "httpx", "tenacity", "jwt", "structlog",
    "tink.streaming_aead", "cryptography.hazmat.primitives.ciphers.aead", "pydantic_settings", "prometheus_client",
    "cryptography.hazmat.primitives.asymmetric.ed25519", "opentelemetry.propagate", "opentelemetry.sdk.trace",
    "fastapi_offline", "h11", "numpy", "numpy.typing", "tokenizers", "av", "pgvector.sqlalchemy",
    "rapidfuzz.fuzz", "rapidfuzz.process", "rapidfuzz.distance", "rs_bpe.bpe",
)  # fmt: skip
"""What services import at their start. Without onnxruntime, which starts a thread."""
_PROGRAM = Path(__file__).with_name("fork_server.py")
ANSWERS_WITHIN_S = 60.0


class ForkServer:
    """A server and the way to ask it, from any thread."""

    def __init__(self, asking: socket.socket) -> None:
        asking.settimeout(ANSWERS_WITHIN_S)
        self._asking = asking
        self._turn = threading.Lock()

    @classmethod
    def started(cls, packages: Sequence[str]) -> "ForkServer":
        """Start one that ends with this process."""
        refuse_other_threads()
        asking, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with asked:
            command = [sys.executable, str(_PROGRAM), str(asked.fileno()), *packages]
            program = Program("fork-server", command, {}, Path(os.devnull), Path(os.devnull), signal.SIGKILL)
            popen_kept(
                subprocess.Popen(
                    bound_to_parent(program),
                    pass_fds=[asked.fileno()],
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )
            )
        return cls(asking)

    def close(self) -> None:
        """End it, and with it all that it forked."""
        self._asking.close()

    def launch(self, program: Program, *, serves: bool = False) -> Process:
        """Start `python -m module argument...`; with `serves` it finds a fork server of its own in its environment."""
        python, option, *module = program.arguments
        assert (python, option) == (sys.executable, "-m")
        request = {
            "module": module,
            "folder": str(program.folder),
            "environment": dict(program.environment),
            "stop_signal": int(program.stop_signal),
            "serves": serves,
        }
        descriptor = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            with self._turn:
                socket.send_fds(self._asking, [json.dumps(request).encode()], [descriptor])
                answer = self._asking.recv(MESSAGE_BYTES_MAX)
        except OSError as error:
            raise DevstackError("the fork server does not answer") from error
        finally:
            os.close(descriptor)
        if not answer:
            raise DevstackError("the fork server has ended")
        return recorded(program, int(answer))


@cache
def fork_server(*packages: str) -> ForkServer:
    """Return this process's own server: the one it was given, else one that is started now (with more packages)."""
    if given := os.environ.pop(INHERITED, None):
        return ForkServer(socket.socket(fileno=int(given)))
    return ForkServer.started([*SERVICE_PACKAGES, *packages])
