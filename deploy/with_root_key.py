"""Starts a service whose root key comes as a variable: puts it in a file in memory that only this user can read.

`ROOT_KEY_FILE=/tmp/root.key ROOT_KEY=... python -m deploy.with_root_key services.ingestion api`.
Mounted secrets are readable by a group or owned by root, which the service rightly refuses; /tmp is memory here.
With a root key in a key management service (ROOT_KEY_PROVIDER) there may be nothing to put anywhere
(docs/security/keys.md).
"""

import os
import sys
from pathlib import Path

EXIT_USAGE = 2


def main(arguments: list[str]) -> None:
    """Write the key and become the service; the key does not stay in the environment."""
    key, file = os.environ.pop("ROOT_KEY", ""), os.environ.get("ROOT_KEY_FILE", "")
    elsewhere = os.environ.get("ROOT_KEY_PROVIDER", "file") != "file" and not key
    if not arguments or (not elsewhere and not (key and file)):
        sys.stderr.write("usage: ROOT_KEY=... ROOT_KEY_FILE=... python -m deploy.with_root_key MODULE [ARGUMENT]...\n")
        raise SystemExit(EXIT_USAGE)
    if elsewhere:
        os.environ.pop("ROOT_KEY_FILE", None)
    else:
        _write(Path(file), key)
    os.execv(sys.executable, [sys.executable, "-m", *arguments])  # noqa: S606


def _write(path: Path, key: str) -> None:
    path.unlink(missing_ok=True)  # a restarted container finds the file of its last start
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w") as out:
        out.write(key + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
