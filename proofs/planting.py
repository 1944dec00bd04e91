"""A defect that is planted on purpose: one control of SECURITY.md taken away, and the proof that must notice.

Where a defect is planted is said by the text that is there. Text that is not found, or found twice, stops everything,
so that no defect is quietly planted nowhere once the code has moved on.
"""

import shutil
from dataclasses import dataclass
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
        path.write_text(text.replace(self.old, self.new))


@dataclass(frozen=True)
class ByProof:
    """`python -m proofs.<module>` notices: it fails, and this figure of its line is not what it is without the defect."""

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


def tree_with(folder: Path, edits: tuple[Edit, ...]) -> Path:
    """Copy the sources and make the edits in the copy; what nothing of ours reads (dot-files) stays behind."""
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, ignore=lambda _folder, names: [name for name in names if name.startswith(".")])
    for edit in edits:
        edit.make(tree)
    return tree
