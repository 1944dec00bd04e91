"""SeaweedFS from a wheel, `weed mini`: an S3 store in one process, on loopback, nothing of it open without a key."""

import contextlib
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from libs.devstack.errors import DevstackError
from libs.devstack.servers import s3_request
from libs.devstack.servers.addresses import ObjectStore
from libs.devstack.servers.folder import Folder
from libs.devstack.servers.ports import GRPC_PARTS, PAIR_DISTANCE, grpc_sockets
from libs.devstack.servers.processes import Process, Program, launch
from libs.devstack.servers.waiting import until_ready

NAME = "seaweedfs"
READY_WITHIN_S = 60.0
MEMORY_LIMIT = "512MiB"
OK = 200
_SENTINEL = b"ready"
# Each HTTP port's gRPC port must be said too, or a default on all interfaces is taken.
# Without these four the filer would be open to whoever reaches its port.
_JWT_KEYS = ("SIGNING", "SIGNING_READ", "FILER_SIGNING", "FILER_SIGNING_READ")


@dataclass(frozen=True)
class SeaweedFS:
    """A running store."""

    process: Process
    object_store: ObjectStore
    log: Path

    def wait(self) -> None:
        """Return once the bucket is there and an object that was put can be read back."""
        until_ready(self.process, self.log, lambda: _serves(self.object_store), READY_WITHIN_S)


def start(folder: Folder, detached: bool = False) -> SeaweedFS:
    """Begin to start the folder's store."""
    data = folder.path / NAME
    data.mkdir(mode=0o700, exist_ok=True)
    remove_sockets(folder.known_ports(NAME))
    ports = folder.ports(NAME, len(GRPC_PARTS))
    store = ObjectStore(f"127.0.0.1:{ports[GRPC_PARTS.index('s3')]}", "devstack", folder.secret("s3"))
    # It writes its flags there and would prefer the old ones at the next start.
    (data / "mini.options").unlink(missing_ok=True)
    program = Program(
        name=NAME,
        arguments=[str(find_binary()), "-logdir", str(folder.logs), "mini", *_flags(folder, ports)],
        environment=_environment(folder, store),
        log=folder.log(NAME),
        record=folder.record(NAME),
        detached=detached,
        folder=data,
    )
    return SeaweedFS(launch(program), store, program.log)


def find_binary() -> Path:
    """Return `weed` beside this Python, else on the PATH."""
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise DevstackError("no S3 store: run `make install`, or set MINIO_ENDPOINT and its keys")
    return Path(found)


def remove_sockets(ports: Sequence[int]) -> None:
    """Remove the Unix sockets that SeaweedFS makes in /tmp for its gRPC ports and leaves when killed."""
    for port in ports:
        for path in grpc_sockets(port + PAIR_DISTANCE):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def _flags(folder: Folder, ports: list[int]) -> list[str]:
    data = folder.path / NAME
    listening = [
        f"-{part}.port{grpc}={port + distance}"
        for part, port in zip(GRPC_PARTS, ports, strict=True)
        for grpc, distance in (("", 0), (".grpc", PAIR_DISTANCE))
    ]
    return [
        f"-dir={data}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        # Only S3 answers: the filer and the volumes would serve the same bytes over plain HTTP.
        "-disableHttp=true",
        "-webdav=false",
        "-admin.ui=false",
        "-master.telemetry=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-filer.localSocket={data / 'filer.sock'}",
        f"-s3.localSocket={data / 's3.sock'}",
        *listening,
    ]


def _environment(folder: Folder, store: ObjectStore) -> dict[str, str]:
    keys = {f"WEED_JWT_{name}_KEY": folder.secret(f"weed_{name.lower()}") for name in _JWT_KEYS}
    return {
        **keys,
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder.path),
        # Go gives memory back late, and several stacks may run on a developer's machine.
        "GOMEMLIMIT": MEMORY_LIMIT,
        "WEED_S3_SSE_KEY": folder.secret("weed_sse"),
        "AWS_ACCESS_KEY_ID": store.access_key,
        "AWS_SECRET_ACCESS_KEY": store.secret_key,
    }


def _serves(store: ObjectStore) -> bool:
    try:
        s3_request.send(store, "PUT", f"/{store.bucket}")  # 409 when it is there already
        sentinel = f"/{store.bucket}/.ready"
        # Written and read back: the port answers some time before a volume is there to write to.
        put = s3_request.send(store, "PUT", sentinel, _SENTINEL)
        return put.status_code == OK and s3_request.send(store, "GET", sentinel).content == _SENTINEL
    except httpx.TransportError:
        return False
