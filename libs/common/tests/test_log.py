"""What a process says of errors that nobody caught, and of warnings: their class and place, and not a word more."""

import json
import subprocess
import sys

WORD = "johnsmit"
# A process of its own: the hooks belong to the interpreter.
DYING = f"""
import threading, warnings
from libs.common.log import configure_logging, redact_uncaught_errors

configure_logging("dying", "info")
redact_uncaught_errors()
warnings.warn("{WORD}")

class Loud:
    def __del__(self):
        raise KeyError("{WORD}")

Loud()
thread = threading.Thread(target=lambda: int("{WORD}"))
thread.start()
thread.join()
raise ExceptionGroup("{WORD}", [OSError("{WORD}"), ExceptionGroup("{WORD}", [TypeError("{WORD}")])])
"""


def test_a_dying_process_names_classes_and_places_and_repeats_no_text() -> None:
    died = subprocess.run([sys.executable, "-c", DYING], capture_output=True, text=True, timeout=60, check=False)

    lines = [json.loads(line) for line in died.stdout.splitlines()]

    assert died.returncode == 1
    assert WORD not in died.stdout + died.stderr
    assert died.stderr == ""
    assert [line.get("error_class") for line in lines] == [None, "KeyError", "ValueError", "OSError", "TypeError"]
    assert [lines[0]["event"], lines[0]["logger"]] == ["library.message", "py.warnings"]
    assert lines[1]["error_place"].endswith(":__del__")
