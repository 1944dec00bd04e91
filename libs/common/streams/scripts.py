"""Where the Lua scripts are by which a stream changes: one script, one step that nobody sees half done."""

from pathlib import Path

SCRIPTS = Path(__file__).parent / "lua"
