"""A defect that is planted on purpose: one control taken away, and the proof that must notice.

Where a defect is planted is said by the text that is there. Text that is not found, or found twice, stops everything,
so that no defect is quietly planted nowhere once the code has moved on (docs/security/planted-defects.md).
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from compileall import compile_dir
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path

from libs.devstack.provision import ROOT

AFTER_MIGRATIONS = "deploy/postgres/ops.sql"
_LAST_STATEMENT = "grant usage on schema ops to svc_relay;\n"


class NotPlantedError(Exception):
    """The code is no longer what a defect was written for."""


@dataclass(frozen=True)
class Edit:
    """One text of a file in the place of another."""

    file: str
    old: str
    new: str

    def make(self, tree: Path) -> None:
        """Change the file below `tree`; raise NotPlantedError unless `old` stands in it once."""
        path = tree / self.file
        text = path.read_text()
        if text.count(self.old) != 1:
            raise NotPlantedError(f"{self.file} holds this {text.count(self.old)} times: {self.old}")
        # Not into the file, which is the same one in every tree.
        path.unlink()
        Path(cache_from_source(str(path))).unlink(missing_ok=True)
        path.write_text(text.replace(self.old, self.new))


@dataclass(frozen=True)
class ByProof:
    """`python -m proofs.<module>` notices: it fails, and this figure of its line is another than without the defect."""

    module: str
    figure: str

    @property
    def name(self) -> str:
        """Return what to run."""
        return self.module


@dataclass(frozen=True)
class ByTest:
    """A test notices: it fails in an assertion."""

    file: str
    test: str

    @property
    def name(self) -> str:
        """Return what to run."""
        return f"{self.file}::{self.test}"


Noticing = ByProof | ByTest


@dataclass(frozen=True)
class Mutant:
    """A planted defect. `control` says what is gone."""

    name: str
    control: str
    by: Noticing
    edits: tuple[Edit, ...]


def planted(name: str, control: str, by: Noticing, *edits: Edit) -> Mutant:
    """Describe a defect."""
    return Mutant(name, control, by, edits)


def sql(statements: str) -> Edit:
    """Return the edit that runs statements as a superuser after all migrations, as the deploy step does."""
    return Edit(AFTER_MIGRATIONS, _LAST_STATEMENT, f"{_LAST_STATEMENT}{statements}\n")


class Sources:
    """A copy of the sources as they are now, of which trees with defects are made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # What nothing of ours reads (.git, .venv, caches) stays behind.
        shutil.copytree(
            ROOT, folder / "sources", ignore=lambda _folder, names: [name for name in names if name.startswith(".")]
        )
        # Compiled once for all trees; Python compiles an edited file itself.
        for part in ("libs", "services", "proofs"):
            compile_dir(folder / "sources" / part, quiet=1)

    @contextmanager
    def edited(self, edits: Sequence[Edit]) -> Iterator[Path]:
        """Make a tree with these edits, for as long as the context lasts."""
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            tree = Path(folder) / "tree"
            # Links cost a tenth of copies, and there are as many trees as defects.
            shutil.copytree(self._folder / "sources", tree, copy_function=os.link)
            for edit in edits:
                edit.make(tree)
            yield tree
