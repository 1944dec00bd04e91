"""One upload of the largest size: memory of each process it passes through and the rate, beside a bare put.

    .venv/bin/python -m benchmarks.upload [--megabytes 500]

Starts its own servers and services in a throwaway folder. Exit code 1 when memory grew by GROWTH_MAX_MB or more, or
the file one byte too large was not refused.
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
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from minio import Minio

from libs.devstack import infra as infrastructure
from libs.devstack.infra import Infra
from libs.devstack.stack import Stack

MEGABYTE = 1024 * 1024
LIMIT_BYTES = 500 * MEGABYTE
GROWTH_MAX_MB = 128
PART_BYTES = 8 * MEGABYTE
BLOCK = os.urandom(MEGABYTE)
BOUNDARY = "benchmark-boundary"
NAMES = ("consent", "ingestion", "gateway")


@dataclass(frozen=True)
class Uploader:
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
        return _measure(infra, size)


@contextmanager
def running(infra: Infra) -> Iterator[Stack]:
    """Start the services an upload passes through."""
    stack = Stack.over(infra)
    try:
        for name in NAMES:
            stack.process(name).start()
        yield stack
    finally:
        for name in NAMES:
            stack.process(name).stop()


@contextmanager
def serving(infra: Infra) -> Iterator[Uploader]:
    """Start the services an upload passes through, and make a patient who consents."""
    with running(infra) as stack:
        yield through_gateway(stack)


@dataclass(frozen=True)
class Measured:
    """One upload: its status, its rate, and how much each process it passed through grew."""

    status: int
    mb_per_s: float
    growth_mb: dict[str, float]


def measure(stack: Stack, uploader: Uploader, size: int) -> Measured:
    """Upload once, after a small one so that connections, imports and code paths are warm."""
    assert uploader.post(MEGABYTE).status_code == 202
    pids = {name: stack.process(name).pid for name in NAMES if name != "consent"}
    before = {name: _memory(pid, "VmRSS") for name, pid in pids.items()}
    for pid in pids.values():
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # forget the peak so far
    started = time.perf_counter()
    answer = uploader.post(size)
    seconds = time.perf_counter() - started
    growth = {name: _memory(pid, "VmHWM") - before[name] for name, pid in pids.items()}
    return Measured(answer.status_code, size / MEGABYTE / seconds, growth)


def _measure(infra: Infra, size: int) -> int:
    with running(infra) as stack:
        uploader = through_gateway(stack)
        print(f"machine: {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
        print("way: client > gateway > ingestion > object store")
        found = measure(stack, uploader, size)
        print(f"upload: {size} bytes, status {found.status}, {found.mb_per_s:.0f} MB/s")
        for name, grown in found.growth_mb.items():
            print(f"memory of {name}: peak +{grown:.0f} MB")
        together = sum(found.growth_mb.values())
        print(f"memory together: peak +{together:.0f} MB (limit {GROWTH_MAX_MB})")
        print(f"bare minio put of the same bytes: {bare_put(infra, size):.0f} MB/s")
        # A look at a small size does not send 500 MB for nothing.
        is_refused = size < LIMIT_BYTES or _one_byte_more_is_refused(uploader)
    return 0 if found.status == 202 and is_refused and together < GROWTH_MAX_MB else 1


def _one_byte_more_is_refused(uploader: Uploader) -> bool:
    refused = uploader.post(LIMIT_BYTES + 1)
    print(f"one byte more than {LIMIT_BYTES}: status {refused.status_code}, {json.loads(refused.text).get('type')}")
    return refused.status_code == 413


def through_gateway(stack: Stack) -> Uploader:
    """Make an organization with a patient who consents to being recorded."""
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
    uploader = Uploader(stack.gateway_url, "/api/v1", headers, *ids)
    _grant(stack.gateway_url, "/api/v1", uploader)
    return uploader


def _grant(base_url: str, prefix: str, uploader: Uploader) -> None:
    body = {"patient_id": uploader.patient_id, "therapist_id": uploader.therapist_id, "consent_type": "recording"}
    answer = httpx.post(
        f"{base_url}{prefix}/consents", json=body | {"document": "I agree."}, headers=uploader.headers, trust_env=False
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


def bare_put(infra: Infra, size: int) -> float:
    """Put the same bytes into the store, as they are, and return the rate in MB/s."""
    one = infra.object_store
    client = Minio(one.endpoint, one.access_key, one.secret_key, secure=one.secure, region="us-east-1")
    started = time.perf_counter()
    client.put_object(one.bucket, "bare", _Reader(size), -1, part_size=PART_BYTES)  # type: ignore[arg-type]
    return size / MEGABYTE / (time.perf_counter() - started)


def _memory(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"{name} is not known of process {pid}")


if __name__ == "__main__":
    sys.exit(main())
