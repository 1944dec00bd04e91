"""How a language is named: BCP 47 as far as language, script and region go.

Its further parts (variants, extensions, private use) are free text, and a tag travels in events and stands in tables
that hold no words.
"""

import re

TAG = r"^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?$"


def is_tag(text: str) -> bool:
    """Tell whether this names a language."""
    return re.fullmatch(TAG, text) is not None
