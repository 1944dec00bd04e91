"""Runs a proof or tests in an edited copy of the sources, and tells what they said of themselves."""

import contextlib
import os
import queue
import re
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as Xml

from libs.devstack.servers.forked import fork_server
from libs.devstack.servers.processes import Process, Program
from proofs.planted.planting import Edit, Sources
from proofs.planted.shared_servers import SharedServers

WITHIN_S = 240
# A defect is let loose on servers that are there for it, never on somebody's.
_NOT_INHERITED = re.compile(r"PYTEST_|MINIO_|(DATABASE_URL|REDIS_URL)$")
# Only what the project's tests use: the others that are installed take longer to load than most tests to run.
_PLUGINS = ("-p", "pytest_asyncio.plugin", "-p", "pytest_timeout", "-p", "no:cacheprovider")
# What kills servers or reads their files has them for itself.
WITH_OWN_SERVERS = frozenset({"limits.revoke", "recordings.shred"})
_ASSERTED = re.compile(r"assert |AssertionError|Failed: (?!Timeout)")


@dataclass(frozen=True)
class Said:
    """Whether it held; None when it did not get so far as to say."""

    held: bool | None
    output: str
    figures: Mapping[str, str] = field(default_factory=dict)


class Runner:
    """Runs everything in its smallest size and with the same seed, as many at a time as there are sets of servers."""

    def __init__(self, sources: Sources, chosen: int, sets: Sequence[SharedServers]) -> None:
        self._sources = sources
        self._seed = chosen
        self._free: queue.SimpleQueue[SharedServers] = queue.SimpleQueue()
        self._running: set[Process] = set()
        # Packages are imported once; our own modules by each run, from its edited copy.
        self._forks = fork_server("pytest", "alembic.command")
        self._stopped = False
        for one in sets:
            self._free.put(one)

    def proof(self, module: str, edits: Sequence[Edit] = ()) -> Said:
        """Run `python -m proofs.<module>` with these edits."""
        with self._sources.edited(edits) as tree, self._servers(edits, module in WITH_OWN_SERVERS) as servers:
            output = self._output(["-m", f"proofs.{module}"], tree, servers)
        line = re.search(r"^PROOF \S+ result=(ok|FAILED)(.*)$", output, re.MULTILINE)
        if line is None:
            return Said(None, output)
        return Said(line[1] == "ok", output, dict(re.findall(r"(\w+)=(\S+)", line[2])))

    def tests(self, names: Sequence[str], edits: Sequence[Edit] = ()) -> Mapping[str, Said]:
        """Run tests (`file::test`) with these edits in one run of pytest; one that fails must do so in an assertion."""
        if not names:
            return {}
        with self._sources.edited(edits) as tree, self._servers(edits) as servers:
            told = tree.parent / "told.xml"
            output = self._output(["-m", "pytest", *names, f"--junitxml={told}", *_PLUGINS], tree, servers)
            cases = list(Xml.parse(told).iter("testcase")) if told.exists() else []
        return {name: Said(_all_held([_held(case) for case in cases if _is_of(case, name)]), output) for name in names}

    def stop(self) -> None:
        """End what runs now and start nothing more."""
        self._stopped = True
        for process in list(self._running):
            process.kill()

    @contextlib.contextmanager
    def _servers(self, edits: Sequence[Edit], own: bool = False) -> Iterator[Mapping[str, str]]:
        if own:
            yield {}
            return
        one = self._free.get()
        try:
            with one.environment(edits) as environment:
                yield environment
        finally:
            self._free.put(one)

    def _output(self, arguments: Sequence[str], tree: Path, servers: Mapping[str, str]) -> str:
        if self._stopped:
            return "stopped"
        own = {"SIZE": "tiny", "SEED": str(self._seed), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **servers}
        process = self._forks.launch(
            Program(
                name="noticing",
                arguments=[sys.executable, *arguments],
                environment={n: value for n, value in os.environ.items() if not _NOT_INHERITED.match(n)} | own,
                log=tree.parent / "output.txt",
                record=tree.parent / "process.json",
                stop_signal=signal.SIGKILL,
                folder=tree,
            ),
            serves=True,
        )
        self._running.add(process)
        done = process.ends_within(WITHIN_S)
        process.kill()  # also what it may have left in its group
        self._running.discard(process)
        output = (tree.parent / "output.txt").read_text(errors="replace")
        return output if done else f"{output}\nnot done within {WITHIN_S} s"


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
