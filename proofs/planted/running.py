"""Runs a proof or tests in an edited copy of the sources, and tells what they said of themselves."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as Xml

from proofs.planted.planting import Edit, Sources

WITHIN_S = 240
# A defect is let loose on servers of its own, never on somebody's.
_NOT_INHERITED = re.compile(r"PYTEST_|MINIO_|(DATABASE_URL|REDIS_URL)$")
# Only what the project's tests use: the others that are installed take longer to load than most tests to run.
_PLUGINS = ("-p", "pytest_asyncio.plugin", "-p", "pytest_timeout", "-p", "no:cacheprovider")
_ASSERTED = re.compile(r"assert |AssertionError|Failed: (?!Timeout)")


@dataclass(frozen=True)
class Said:
    """Whether it held; None when it did not get so far as to say."""

    held: bool | None
    output: str
    figures: Mapping[str, str] = field(default_factory=dict)


class Runner:
    """Runs everything in its smallest size and with the same seed."""

    def __init__(self, sources: Sources, chosen: int) -> None:
        self._sources = sources
        self._seed = chosen

    def proof(self, module: str, edits: Sequence[Edit] = ()) -> Said:
        """Run `python -m proofs.<module>` with these edits."""
        with self._sources.edited(edits) as tree:
            output = self._output(["-m", f"proofs.{module}"], tree)
        line = re.search(r"^PROOF \S+ result=(ok|FAILED)(.*)$", output, re.MULTILINE)
        if line is None:
            return Said(None, output)
        return Said(line[1] == "ok", output, dict(re.findall(r"(\w+)=(\S+)", line[2])))

    def tests(self, names: Sequence[str], edits: Sequence[Edit] = ()) -> Mapping[str, Said]:
        """Run tests (`file::test`) with these edits in one run of pytest; one that fails must do so in an assertion."""
        if not names:
            return {}
        with self._sources.edited(edits) as tree:
            told = tree.parent / "told.xml"
            output = self._output(["-m", "pytest", *names, f"--junitxml={told}", *_PLUGINS], tree)
            cases = list(Xml.parse(told).iter("testcase")) if told.exists() else []
        return {name: Said(_all_held([_held(case) for case in cases if _is_of(case, name)]), output) for name in names}

    def _output(self, arguments: Sequence[str], tree: Path) -> str:
        own = {"SIZE": "tiny", "SEED": str(self._seed), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        try:
            done = subprocess.run(
                [sys.executable, *arguments],
                cwd=tree,
                env={name: value for name, value in os.environ.items() if not _NOT_INHERITED.match(name)} | own,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=WITHIN_S,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            return f"{late.output}\nnot done within {WITHIN_S} s"
        return done.stdout


def _is_of(case: Xml.Element, name: str) -> bool:
    full = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name', '')}"
    return name in (full, full.partition("[")[0])


def _held(case: Xml.Element) -> bool | None:
    if case.find("error") is not None or case.find("skipped") is not None:
        return None
    failure = case.find("failure")
    if failure is None:
        return True
    return False if _ASSERTED.match(failure.get("message", "")) else None


def _all_held(cases: Sequence[bool | None]) -> bool | None:
    return None if None in cases or not cases else all(cases)
