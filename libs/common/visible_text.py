"""Text that shows all it holds: no control, bidirectional, zero-width or other character that nobody sees.

Such characters drive a terminal, turn a line around, or make two names look like one.
"""

import re

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

# Categories Cc, Cf, Cs, Zl and Zp and the fillers without a glyph; but for tab and line ends, and the selectors that
# emoji are written with.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160"
    "\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_BREAKS = re.compile("[\t\n\r]")


def visible(text: str) -> str:
    """Return the text without what cannot be seen; tabs and line ends stay."""
    return _HIDDEN.sub("", text)


def _require_words(text: str) -> str:
    if _HIDDEN.search(text):
        raise PydanticCustomError(
            "hidden_characters", "It holds characters that cannot be seen: control, bidirectional or zero-width ones."
        )
    return text


def _require_line(text: str) -> str:
    if _BREAKS.search(text):
        raise PydanticCustomError("line_break", "It is one line, without tabs.")
    return _require_words(text)


VISIBLE_WORDS, VISIBLE_LINE = AfterValidator(_require_words), AfterValidator(_require_line)
"""Stand last in an `Annotated`: a pattern or a length after them would be missing in the description of the API."""
