"""A failure on one screen."""

from collections.abc import Sequence

import pytest

LINES_MAX = 40
FIRST_LINES = 12
SECTION_LINES_MAX = 8


def bounded(report: pytest.CollectReport | pytest.TestReport) -> str:
    """Return a failure's traceback and the ends of what was captured, on one screen."""
    lines = shortened(report.longreprtext.splitlines())
    for title, text in report.sections:
        captured = text.rstrip().splitlines()
        left_out = len(captured) - SECTION_LINES_MAX
        lines.append(f"--- {title}{f', without its first {left_out} lines' if left_out > 0 else ''} ---")
        lines += captured[-SECTION_LINES_MAX:]
    return "\n".join(shortened(lines))


def shortened(lines: Sequence[str]) -> list[str]:
    """Leave out lines in the middle of more than a screen."""
    left_out = len(lines) - LINES_MAX
    if left_out <= 0:
        return list(lines)
    rest = LINES_MAX - FIRST_LINES
    return [*lines[:FIRST_LINES], f"    ... {left_out} lines left out ...", *lines[-rest:]]
