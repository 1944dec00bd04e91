"""One upload of the largest size: memory of each process it passes through and the rate, beside a bare put.

    .venv/bin/python -m benchmarks.upload [--megabytes 500]

Starts its own servers and services in a throwaway folder. Goes through the gateway when that can be started, else to
ingestion. Exit code 1 when memory grew by GROWTH_MAX_MB or more, or the file one byte too large was not refused.
"""

import argparse
import io
import itertools
import json
import os
import platform
import sys
import time
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
from minio import Minio

from libs.common.clock import utc_now
from libs.common.ids import new_id
from libs.contracts.capability import Claims, Minter
from libs.contracts.ids import OrganizationId
from libs.devstack import infra as infrastructure
from libs.devstack.infra import Infra
from libs.devstack.provision import ROOT
from libs.devstack.stack import Stack

MEGABYTE = 1024 * 1024
LIMIT_BYTES = 500 * MEGABYTE
GROWTH_MAX_MB = 128
PART_BYTES = 8 * MEGABYTE
BLOCK = os.urandom(MEGABYTE)
BOUNDARY = "benchmark-boundary"
SCOPES = frozenset({"ingestion:write", "consent:write", "transcriber:write", "embedder:write"})


@dataclass(frozen=True)
class Door:
    """Where to upload to, and for whom."""

    base_url: str
    path: str
    headers: dict[str, str]
    patient_id: str
    therapist_id: str

    def post(self, size: int) -> httpx.Response:
        """Upload a recording of this size, made up as it goes."""
        head = _form_head(self.patient_id, self.therapist_id)
        tail = f"\r\n--{BOUNDARY}--\r\n".encode()
        headers = self.headers | {
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
            "Content-Length": str(len(head) + size + len(tail)),
        }
        with httpx.Client(base_url=self.base_url, timeout=600, trust_env=False) as client:
            body = itertools.chain([head], recording(size), [tail])
            return client.post(f"{self.path}/sessions", content=body, headers=headers)


def recording(size: int) -> Iterator[bytes]:
    """Yield a WAV file of exactly `size` bytes: 48 kHz stereo noise."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(2)
        writer.setsampwidth(2)
        writer.setframerate(48_000)
    header = file.getvalue()[:-4] + (size - 44).to_bytes(4, "little")
    yield header
    left = size - len(header)
    while left > 0:
        yield BLOCK[:left]
        left -= len(BLOCK)


class _Reader(io.RawIOBase):
    """A recording as a file, for the bare put."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._chunks = recording(size)
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        parts = []
        while size > 0:
            self._rest = self._rest or next(self._chunks, b"")
            if not self._rest:
                break
            parts.append(self._rest[:size])
            self._rest = self._rest[size:]
            size -= len(parts[-1])
        return b"".join(parts)


def main() -> int:
    """Run, print the figures, and tell by the exit code whether they hold."""
    parser = argparse.ArgumentParser(description="Upload one large recording.")
    parser.add_argument("--megabytes", type=int, default=500)
    size = min(parser.parse_args().megabytes * MEGABYTE, LIMIT_BYTES)
    with infrastructure.throwaway() as infra:
        stack = Stack.over(infra)
        names = ["consent", "ingestion"] + (["gateway"] if (ROOT / "services/gateway/__main__.py").exists() else [])
        try:
            for name in names:
                stack.process(name).start()
            return _measure(infra, stack, names, size)
        finally:
            for name in names:
                stack.process(name).stop()


def _measure(infra: Infra, stack: Stack, names: list[str], size: int) -> int:
    door = _through_gateway(stack) if "gateway" in names else _to_ingestion(infra, stack)
    print(f"machine: {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
    print(f"way: client > {' > '.join(name for name in reversed(names) if name != 'consent')} > object store")
    assert door.post(MEGABYTE).status_code == 202  # connections, imports and code paths are warm
    pids = {name: stack.process(name).pid for name in names if name != "consent"}
    before = {name: _memory(pid, "VmRSS") for name, pid in pids.items()}
    for pid in pids.values():
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # forget the peak so far
    started = time.perf_counter()
    answer = door.post(size)
    seconds = time.perf_counter() - started
    growth = {name: _memory(pid, "VmHWM") - before[name] for name, pid in pids.items()}
    print(f"upload: {size} bytes, status {answer.status_code}, {seconds:.1f} s, {size / MEGABYTE / seconds:.0f} MB/s")
    for name in pids:
        print(f"memory of {name}: {before[name]:.0f} MB before, peak +{growth[name]:.0f} MB")
    print(f"memory together: peak +{sum(growth.values()):.0f} MB (limit {GROWTH_MAX_MB})")
    print(f"bare minio put of the same bytes: {size / MEGABYTE / _bare_put(infra, size):.0f} MB/s")
    refused = door.post(LIMIT_BYTES + 1)
    print(f"one byte more than {LIMIT_BYTES}: status {refused.status_code}, {json.loads(refused.text).get('type')}")
    good = answer.status_code == 202 and refused.status_code == 413 and sum(growth.values()) < GROWTH_MAX_MB
    return 0 if good else 1


def _to_ingestion(infra: Infra, stack: Stack) -> Door:
    claims = Claims(OrganizationId(new_id()), "user:benchmark", SCOPES, utc_now() + timedelta(hours=1), new_id())
    token = Minter(infra.capability_key_id, infra.capability_key).mint(claims)
    door = Door(stack.url("ingestion"), "", {"Authorization": f"Bearer {token}"}, str(new_id()), str(new_id()))
    _grant(stack.url("consent"), "", door)
    return door


def _through_gateway(stack: Stack) -> Door:
    operator = {"Authorization": f"Bearer {stack.operator_token}"}
    with httpx.Client(base_url=stack.gateway_url, timeout=30, trust_env=False) as client:
        body = {"name": "Benchmark", "admin_key_name": "benchmark"}
        made = client.post("/operator/v1/organizations", json=body, headers=operator).raise_for_status().json()
        headers = {"Authorization": f"Bearer {made['api_key']}"}
        ids = [
            client.post("/api/v1/users", json={"email": f"{role}@example.org", "role": role}, headers=headers)
            .raise_for_status()
            .json()["id"]
            for role in ("patient", "therapist")
        ]
    door = Door(stack.gateway_url, "/api/v1", headers, *ids)
    _grant(stack.gateway_url, "/api/v1", door)
    return door


def _grant(base_url: str, prefix: str, door: Door) -> None:
    body = {"patient_id": door.patient_id, "therapist_id": door.therapist_id, "consent_type": "recording"}
    answer = httpx.post(
        f"{base_url}{prefix}/consents", json=body | {"document": "I agree."}, headers=door.headers, trust_env=False
    )
    answer.raise_for_status()


def _form_head(patient_id: str, therapist_id: str) -> bytes:
    fields = {"patient_id": patient_id, "therapist_id": therapist_id, "session_date": "2026-11-24T10:00:00Z"}
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    file = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="one.wav"\r\n\r\n'
    return "".join([*parts, file]).encode()


def _bare_put(infra: Infra, size: int) -> float:
    one = infra.object_store
    client = Minio(one.endpoint, one.access_key, one.secret_key, secure=one.secure, region="us-east-1")
    started = time.perf_counter()
    client.put_object(one.bucket, "bare", _Reader(size), -1, part_size=PART_BYTES)  # type: ignore[arg-type]
    return time.perf_counter() - started


def _memory(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"{name} is not known of process {pid}")


if __name__ == "__main__":
    sys.exit(main())
