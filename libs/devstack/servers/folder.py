"""A project folder: where one running system keeps its data, ports, secrets, logs and records. Mode 0700."""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from libs.devstack.errors import DevstackError
from libs.devstack.servers import ports
from libs.devstack.servers.processes import left_over

THROWAWAY_PREFIX = "therapyrag-"
SECRET_BYTES = 32
_PRIVATE = 0o600


class Folder:
    """One system's folder; it must be locked while its processes are started or stopped."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        for part in (self.path, self.logs, self.records):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Again for a folder that was there: mkdir leaves its mode alone, and secrets lie in it.
        self.path.chmod(0o700)

    @property
    def logs(self) -> Path:
        """Where every process writes its log."""
        return self.path / "logs"

    @property
    def records(self) -> Path:
        """Where the started processes are written down."""
        return self.path / "run"

    def log(self, name: str) -> Path:
        """Return the log file of a process."""
        return self.logs / f"{name}.log"

    def record(self, name: str) -> Path:
        """Return the file that remembers a process."""
        return self.records / f"{name}.json"

    def secret(self, name: str) -> str:
        """Return a secret in 64 hex digits, made at first use and kept in a file only its owner reads."""
        kept = self._read("secrets.json")
        if name not in kept:
            kept[name] = secrets.token_hex(SECRET_BYTES)
            self._write("secrets.json", kept)
        return str(kept[name])

    def keep(self, name: str, value: str) -> None:
        """Keep a secret that was made elsewhere."""
        self._write("secrets.json", {**self._read("secrets.json"), name: value})

    def kept(self, name: str) -> str | None:
        """Return a secret if there is one."""
        value = self._read("secrets.json").get(name)
        return None if value is None else str(value)

    def ports(self, name: str, count: int) -> list[int]:
        """Return a server's ports: the same at every start, unless somebody else listens there by now."""
        kept = self._ports()
        found = kept.get(name, [])
        if len(found) == count and ports.are_free(found):
            return found
        # Also those of servers that are not running now: both may be started together later.
        taken = {port for other in kept.values() for port in other}
        kept[name] = ports.pick(count, but=taken)
        self._write("ports.json", kept)
        return kept[name]

    def known_ports(self, name: str) -> list[int]:
        """Return a server's ports of the last start, whoever listens there."""
        return self._ports().get(name, [])

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder; raises DevstackError when another process does. The kernel lets go if we are killed."""
        with (self.path / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise DevstackError(f"{self.path} is in use by another run; stop that one first") from error
            yield

    def _ports(self) -> dict[str, list[int]]:
        return {name: [int(port) for port in found] for name, found in self._read("ports.json").items()}

    def _read(self, name: str) -> dict[str, Any]:  # JSON
        try:
            return dict(json.loads((self.path / name).read_text()))
        except FileNotFoundError:
            return {}

    def _write(self, name: str, content: Mapping[str, object]) -> None:
        path = self.path / name
        new = path.with_suffix(".new")
        # Left by a run that was killed between writing and renaming; O_EXCL would refuse to go on.
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "w") as file:
            json.dump(content, file)
        new.replace(path)


@contextlib.contextmanager
def throwaway_folder(parent: Path | None = None) -> Iterator[Folder]:
    """Make a folder that is removed on leaving, and remove those whose owners were killed."""
    place = parent or Path(tempfile.gettempdir())
    _sweep(place)
    # Removed on leaving, whatever happened: what a test uploads and its keys lie in it.
    path = Path(tempfile.mkdtemp(prefix=THROWAWAY_PREFIX, dir=place))
    try:
        yield Folder(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _sweep(temporary: Path) -> None:
    for path in temporary.glob(f"{THROWAWAY_PREFIX}*"):
        with contextlib.suppress(DevstackError, OSError):
            # Only what is surely an abandoned folder of ours: our user's, once locked, and locked by nobody now.
            if path.is_symlink() or path.stat().st_uid != os.geteuid() or not (path / "secrets.json").exists():
                continue
            folder = Folder(path)
            with folder.locked():
                for process in left_over(folder.records):
                    process.kill()
                shutil.rmtree(path, ignore_errors=True)
