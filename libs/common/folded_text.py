"""Text in the form in which it is compared: one spelling for what looks or reads alike."""

import re
import unicodedata

# Marks above and below letters, and what nobody sees: format and control characters but for tab and line ends.
_DROPPED = ("Mn", "Cf", "Cc")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_WHOLE = re.compile(r"(?<=\d)\.00(?!\d)")


def folded(text: str) -> str:
    """Return the text in compatibility form (NFKC, Unicode annex 15), without accents and invisible characters.

    "Siobhán" becomes "Siobhan", and full-width letters become plain ones. Letters keep their case.
    """
    if text.isascii():
        return _CONTROL.sub("", text)
    wide = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text))
    return "".join(sign for sign in wide if unicodedata.category(sign) not in _DROPPED or sign in "\n\r\t")


def searchable(text: str) -> str:
    """Return the text folded, with amounts as they are typed: "$1,250.00" becomes "$1250"."""
    return _WHOLE.sub("", _THOUSANDS.sub("", folded(text)))
