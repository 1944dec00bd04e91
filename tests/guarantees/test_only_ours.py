"""The tree holds what we wrote: other people's code comes from a pinned package, and generated code is generated."""

import re
import subprocess

import pytest

from tests.guarantees.deployment.parts import ROOT

LINE_MAX = 640  # The longest line that a person wrote is a row of a table; a minified file has thousands.
FILE_BYTES_MAX = 250_000
NAMES = re.compile(
    r"\.min\.|\.map$|bundle\.(js|css)|\.(whl|jar|woff2?|ttf|so|dll|wasm|zip|gz)$"
    r"|(^|/)(swagger|redoc|jquery|bootstrap|react|vue|d3|mermaid)[\w.-]*\.(js|css)$"
    r"|(^|/)(vendor|vendored|_vendor|third[_-]?party|node_modules|dist)/",
    re.IGNORECASE,
)
# Written so that this file does not match itself.
BANNERS = re.compile(
    r"/\*[!]|@licen[cs][e]\b|\bcopyright[ ](\(c\)|\d{4}|©)|permission is[ ]hereby granted|sourceMapping[U]RL",
    re.IGNORECASE,
)
# Spoken samples are ours, and the only files that are no text.
BINARY = re.compile(r"^samples/[\w-]+\.(mp3|m4a|webm)$")


def _signs(name: str, content: bytes) -> list[str]:
    """What says that a file was not written here."""
    if BINARY.search(name):
        return ["larger than what a person writes"] if len(content) > FILE_BYTES_MAX * 10 else []
    text = content.decode(errors="replace")
    locked = name.endswith(".lock")
    found = {
        "a name of other people's code": NAMES.search(name) is not None,
        "a banner of a licence": BANNERS.search(text) is not None,
        "no text": b"\0" in content or "\ufffd" in text,
        "a line that nobody reads": max(map(len, text.splitlines()), default=0) > LINE_MAX,
        "larger than what a person writes": len(content) > FILE_BYTES_MAX and not locked,
    }
    return [sign for sign, seen in found.items() if seen]


def test_every_tracked_file_was_written_here() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    present = [name for name in listed.split("\0") if name and (ROOT / name).is_file()]

    foreign = {name: signs for name in present if (signs := _signs(name, (ROOT / name).read_bytes()))}

    assert len(present) > 500
    assert foreign == {}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("services/gateway/static/swagger-ui.css", b".a{}"),
        ("services/gateway/static/docs.min.js", b"let a"),
        ("libs/third_party/queue.py", b"import os\n"),
        ("libs/common/chart.py", b"x" * (LINE_MAX + 1)),
        ("libs/common/chart.js", b"/*" + b"! chart 4.1 */"),
        ("libs/common/retry.py", b"# Copy" + b"right 2019 Somebody Else\n"),
        ("libs/common/model.bin", b"\0\1\2"),
        ("evals/words.txt", b"word\n" * FILE_BYTES_MAX),
    ],
)
def test_a_file_from_elsewhere_is_refused(name: str, content: bytes) -> None:
    assert _signs(name, content) != []
