"""What contributors meet before CI: skips that say what would lift them, and hooks that run our own tools."""

import ast
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import yaml  # type: ignore[import-untyped]  # its stubs are one more package

ROOT = Path(__file__).parents[2]
STOPPED_BY_TIMEOUT = 124
FOLDERS = ("services", "libs", "tests", "proofs")


def _skip_reasons(path: Path) -> Iterator[str | None]:
    """Return the reason of each skip in a file; None for one that is not written as plain text."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr in ("skip", "skipif", "importorskip", "xfail") and "pytest" in ast.unparse(node.func):
            plain = node.args[:1] if node.func.attr == "skip" else []
            reason = next((told for told in [*(k.value for k in node.keywords if k.arg == "reason"), *plain]), None)
            yield reason.value if isinstance(reason, ast.Constant) and isinstance(reason.value, str) else None


def test_a_skip_says_why_and_after_a_colon_what_would_lift_it() -> None:
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    reasons = {path: list(_skip_reasons(path)) for path in files}

    mute = {str(path): told for path, told in reasons.items() if not all(one and ": " in one for one in told)}

    assert any(reasons.values())
    assert mute == {}


def test_the_hooks_run_the_tools_of_make_check_from_the_projects_own_environment() -> None:
    repositories = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    entries = [hook["entry"] for repository in repositories for hook in repository["hooks"]]

    assert [repository["repo"] for repository in repositories] == ["local"]
    assert [entry for entry in entries if not (ROOT / entry.split()[0]).exists()] == []
    assert {entry.split()[0] for entry in entries} == {f".venv/bin/{tool}" for tool in ("ruff", "mypy", "lint-imports")}


def test_the_development_container_has_the_oldest_python_and_installs_as_everybody_does() -> None:
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())

    assert container["image"].startswith("python:3.11-")
    assert container["postCreateCommand"] == "make install"


def _ci(folder: Path, make: str, **settings: str) -> tuple[int, list[str]]:
    """Run what CI runs with a `make` that only notes its target; return how it ended, and the targets."""
    notes = folder / "targets"
    programs = {"make": f'echo "$1" >> {notes}; {make}', "redis-server": ":", "promtool": ":"}
    for name, script in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    path = f"{folder}:{os.environ['PATH']}"
    ended = subprocess.run(
        [ROOT / ".ci" / "run"], env=os.environ | {"PATH": path} | settings, capture_output=True, check=False
    )
    return ended.returncode, notes.read_text().split()


def test_ci_goes_from_a_clone_to_a_cited_answer_before_it_checks_and_tests(tmp_path: Path) -> None:
    assert _ci(tmp_path, ":") == (0, ["install", "demo", "check", "test"])


def test_ci_fails_when_the_first_cited_answer_takes_longer_than_it_may(tmp_path: Path) -> None:
    stuck_in_the_demo = '[ "$1" != demo ] || exec sleep 60'

    assert _ci(tmp_path, stuck_in_the_demo, FIRST_ANSWER_MAX_S="1") == (STOPPED_BY_TIMEOUT, ["install", "demo"])


def test_the_first_cited_answer_may_take_ten_minutes() -> None:
    assert "FIRST_ANSWER_MAX_S:-600}" in (ROOT / ".ci" / "run").read_text()
