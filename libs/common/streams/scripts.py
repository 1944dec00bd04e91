"""The folder of the Lua scripts that change streams, one atomic step each."""

from pathlib import Path

SCRIPTS = Path(__file__).parent / "lua"
