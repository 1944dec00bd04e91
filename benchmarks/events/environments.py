"""Virtual environments for one purpose: made once from locked requirements with hashes, never mixed with ours."""

import hashlib
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable
from pathlib import Path

from benchmarks.events.contestants import HERE, Contestant

INSTALL_TIMEOUT_S = 900


def install(contestants: Iterable[Contestant], where: Path) -> None:
    """Make what is missing below `where`; an environment whose lock has changed is made again."""
    for lock in sorted({contestant.lock for contestant in contestants} - {""}):
        interpreter(HERE / f"{lock}.lock", where / lock)


def interpreter(requirements: Path, environment: Path) -> str:
    """Return the interpreter of an environment that holds exactly these locked packages; make it if it does not."""
    stamp, python = environment / ".installed", environment / "bin" / "python"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return str(python)
    print(f"installing {requirements.name} into {environment} (once)", file=sys.stderr, flush=True)
    shutil.rmtree(environment, ignore_errors=True)
    venv.create(environment, with_pip=True)
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         "--require-hashes", "-r", requirements],
        check=False,
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT_S,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"cannot install {requirements.name}: {done.stderr[-2000:]}")
    stamp.write_text(digest)
    return str(python)


def versions(contestants: Iterable[Contestant]) -> str:
    """Return the peers' versions as the locks have them."""
    wanted = ("arq", "celery", "dramatiq", "faststream", "huey", "rq", "taskiq", "taskiq-redis", "redis")
    found = []
    for lock in sorted({contestant.lock for contestant in contestants} - {""}):
        names = (
            line.split()[0].split("==") for line in (HERE / f"{lock}.lock").read_text().splitlines() if "==" in line
        )
        pinned = [f"{name} {version}" for name, version in names if name in wanted]
        found.append(", ".join(pinned))
    return "; ".join(found)
