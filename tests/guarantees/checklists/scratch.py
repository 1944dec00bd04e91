"""A copy of the repository to try something in, which the checks of the real one then judge."""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.guarantees.deployment.parts import ROOT

CHECK_TIMEOUT_S = 400.0
OUTPUT_CHARS_MAX = 6000


def steps_of(heading: str) -> str:
    """Return what CONTRIBUTING.md says under the heading that begins so."""
    found = re.search(rf"^## {heading}.*?\n(.*?)(?=^## |\Z)", (ROOT / "CONTRIBUTING.md").read_text(), re.M | re.S)
    assert found is not None, f"There is no list {heading!r}."
    return "\n".join(re.findall(r"^\d+\. (.*)$", found[1], re.M))


def files_of(steps: str, names: dict[str, str]) -> set[str]:
    """Return the files that the steps name, with `<placeholders>` filled in."""
    for placeholder, name in names.items():
        steps = steps.replace(f"<{placeholder}>", name)
    return {word for word in re.findall(r"`([^`\s]+)`", steps) if "/" in word or word in ("Makefile", "pyproject.toml")}


class Scratch:
    """Everything that is tracked or is going to be, copied; what is written into it is remembered."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.touched: list[str] = []
        kept = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(kept, cwd=ROOT, capture_output=True, check=True).stdout.decode()
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, root / name)
        if (ROOT / ".mypy_cache").exists():
            shutil.copytree(ROOT / ".mypy_cache", root / ".mypy_cache")

    def write(self, name: str, text: str) -> None:
        """Write a new file."""
        assert not (self.root / name).exists(), f"{name} is there already."
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)
        self.touched.append(name)

    def edit(self, name: str, *changes: tuple[str, str]) -> None:
        """Put one text in the place of another, wherever it stands; it must be there."""
        text = (self.root / name).read_text()
        for old, new in changes:
            assert old in text, f"{name} has no {old!r}."
            text = text.replace(old, new)
        (self.root / name).write_text(text)
        self.touched.append(name)

    def check(self, *command: str) -> str:
        """Run a module in the copy; return what it printed if it failed, and nothing if it did not."""
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=self.root, capture_output=True, text=True, check=False,
            timeout=CHECK_TIMEOUT_S,
        )  # fmt: skip
        return "" if done.returncode == 0 else f"{' '.join(command)}\n{(done.stdout + done.stderr)[-OUTPUT_CHARS_MAX:]}"

    def judged(self, *tests: str) -> Sequence[str]:
        """Rewrite the generated pages, then run what `make check` runs on what was touched, and these tests."""
        code = [name for name in self.touched if name.endswith(".py")]
        results = (
            self.check("tests.guarantees.generate"),
            self.check("ruff", "check", "-q", *code),
            self.check("ruff", "format", "-q", "--check", *code),
            self.check("mypy", *code),
            self.check("pytest", "-q", "-p", "no:cacheprovider", "--no-header", *tests),
        )
        return [result for result in results if result]
