"""PROOF upload-big: the largest recording passes in constant memory, and its plaintext touches no disk.

    .venv/bin/python -m proofs.recordings.upload_big        # 500 MB; MEGABYTES=64 for a quick look

While it comes in, the files that gateway and ingestion hold open are searched for pieces of it, also those without a
name; afterwards every file below the folder of all servers is. A piece put there on purpose must be found.
"""

import os
import stat
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.upload import BLOCK, LIMIT_BYTES, MEGABYTE, bare_put, measure, running, through_gateway
from libs.devstack import infra as infrastructure
from libs.devstack.infra import Infra
from proofs.kit.line import proof

GROWTH_MAX_MB = 64
CI_BYTES = 96 * MEGABYTE
LOOK_EVERY_S = 0.2
READ_BYTES = 4 * MEGABYTE
MARKER_BYTES = 32
MARKERS = tuple(BLOCK[at : at + MARKER_BYTES] for at in (1000, 300_000, 900_000))
"""The recording is made of this block again and again, so each megabyte of it holds all three."""


def main() -> int:
    """Run the proof and return the exit code."""
    size = min(int(os.environ.get("MEGABYTES", "500")) * MEGABYTE, LIMIT_BYTES)
    with infrastructure.throwaway() as infra:
        return run(infra, size)


def run(infra: Infra, size: int) -> int:
    """Prove it over running servers. The bare put comes last: it leaves plaintext in the store."""
    folder = infra.folder.path
    control_finds = _control(folder)
    with running(infra) as stack:
        route = through_gateway(stack)
        with watched([stack.process(name).pid for name in ("gateway", "ingestion")]) as spooled:
            found = measure(stack, route, size)
        hits, searched = plaintext_in(folder)
        bare = bare_put(infra, size)
    growth = max(found.growth_mb.values())
    good = found.status == 202 and growth <= GROWTH_MAX_MB and not hits and not spooled and control_finds
    return proof(
        "upload-big",
        good and searched > size,
        megabytes=size // MEGABYTE,
        **{f"{name}_mb": round(grown) for name, grown in found.growth_mb.items()},
        plaintext_on_disk=hits,
        spooled=len(spooled),
        searched_mb=searched // MEGABYTE,
        control="found" if control_finds else "MISSED",
        mb_per_s=round(found.mb_per_s),
        bare_mb_per_s=round(bare),
        ratio=round(found.mb_per_s / bare, 2),
    )


def plaintext_in(folder: Path) -> tuple[int, int]:
    """Search every file below a folder; return how many hold a piece of the recording, and how many bytes were read."""
    hits = searched = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # gone, or a socket
            if stat.S_ISREG(path.lstat().st_mode):
                found, size = _holds_plaintext(path)
                hits += found
                searched += size
    return hits, searched


@contextmanager
def watched(pids: Sequence[int]) -> Iterator[list[str]]:
    """Look into the open files of processes while the context lasts; the list gains those that hold plaintext."""
    found: list[str] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(LOOK_EVERY_S):
            for pid in pids:
                found.extend(_spooled_by(pid))

    thread = threading.Thread(target=look, name="open-files")
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def _spooled_by(pid: int) -> Iterator[str]:
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            # Through the handle, so that a file without a name is seen as well.
            if stat.S_ISREG(handle.stat().st_mode) and _holds_plaintext(handle)[0]:
                yield str(handle.readlink())


def _holds_plaintext(path: Path) -> tuple[bool, int]:
    size = 0
    with path.open("rb") as file:
        rest = b""
        while piece := file.read(READ_BYTES):
            size += len(piece)
            data = rest + piece
            if any(marker in data for marker in MARKERS):
                return True, size
            rest = data[-MARKER_BYTES:]
    return False, size


def _control(folder: Path) -> bool:
    """Tell whether a piece that lies in a file, across the edge of what is read at a time, is found."""
    planted = folder / "planted"
    planted.write_bytes(bytes(READ_BYTES - MARKER_BYTES // 2) + MARKERS[1])
    try:
        return plaintext_in(folder)[0] == 1
    finally:
        planted.unlink()


if __name__ == "__main__":
    sys.exit(main())
