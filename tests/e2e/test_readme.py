"""What the README tells a newcomer to type works as it stands there, and answers what it says."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from tests.e2e.client import World

ROOT = Path(__file__).parents[2]
WITHIN_S = 280.0


def _commands() -> list[str]:
    """Return what stands behind the prompts of "Try it", but for what starts, names and stops the system."""
    block = re.search(r"## Try it\n+```console\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block
    # A command goes on in the next line as in a shell, behind a backslash.
    found = re.findall(r"^\$ ((?:.*\\\n)*.*)$", block[1], re.MULTILINE)
    return [command for command in found if not command.startswith(("make ", "export "))]


def test_the_readme_shows_an_upload_by_curl_before_anything_was_consented_to() -> None:
    commands = _commands()

    places = {word: at for word in ("curl", "consent grant", "chat") for at, one in enumerate(commands) if word in one}

    assert list(places) == sorted(places, key=places.__getitem__)
    assert set(places) == {"curl", "consent grant", "chat"}


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_what_the_readme_types_ends_in_an_answer_that_cites_the_session(world: World, tmp_path: Path) -> None:
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    script = "\n".join(["set -eo pipefail", "shopt -s expand_aliases", *_commands()])
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "PYTHONPATH": str(ROOT),
        "THERAPYRAG_URL": world.url,
        "THERAPYRAG_KEY": world.key,
    }

    typed = await asyncio.create_subprocess_exec(
        "bash", "-c", script, cwd=tmp_path, env=environment, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(typed.communicate(), WITHIN_S)

    said = out.decode()

    assert typed.returncode == 0
    assert said.index("/problems/consent-required") < said.index("ready")
    assert "8 September 2026" in said.partition("ready")[2]
