"""Words that nobody can guess, and every way in which one may be written down.

All words of a run begin with the same twelve letters, so that millions of bytes are searched for one stem and not for
a thousand words; the letters after it tell which one was found.
"""

import base64
import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from urllib.parse import quote

CONSONANTS = "bcdfghjklmnpqrtvwxz"
STEM_LETTERS = 12
"""Full-text search cuts the ends of words, so the beginning of one is looked for."""
OWN_LETTERS = 8
UNPACKED_BYTES_MAX = 4 * 1024 * 1024
_PACKED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")

# One letter after the other, as each notation writes it; all are looked for in lower case.
_LETTER_BY_LETTER: Mapping[str, Sequence[str]] = {
    "percent": ("%{:02x}", "%25{:02x}"),
    "json": ("\\u{:04x}", "\\\\u{:04x}"),
    "html": ("&#x{:x};", "&#{:d};"),
    "escaped": ("\\x{:02x}", "\\{:03o}", "\\\\{:03o}"),
    "quoted-printable": ("={:02x}",),
    "hex": ("{:02x}", "{:02x} ", "{:02x}:"),
}


class Canaries:
    """The words of one run, each with what it was planted in."""

    def __init__(self, luck: Random) -> None:
        self._luck = luck
        self.stem = "zq" + self._letters(STEM_LETTERS - 2)
        self._origins: dict[str, str] = {}

    def word(self, origin: str) -> str:
        """Return a new word; `origin` says where it is planted."""
        word = self.stem + self._letters(OWN_LETTERS)
        self._origins[word] = origin
        return word

    def origins_in(self, data: bytes) -> list[str]:
        """Return where the words that stand in these bytes were planted, as far as they can be read."""
        text = data.decode("latin-1").lower()
        size = len(self.stem) + OWN_LETTERS
        found = {text[match.start() : match.start() + size] for match in re.finditer(self.stem, text)}
        return sorted({self._origins.get(word, "a part of a word") for word in found})

    def without(self, data: bytes, origin: str) -> bytes:
        """Return these bytes without the words that were planted in something whose description begins so."""
        for word in [word for word, planted in self._origins.items() if planted.startswith(origin)]:
            data = data.replace(word.encode(), b"-")
        return data

    def __len__(self) -> int:
        return len(self._origins)

    def _letters(self, number: int) -> str:
        return "".join(self._luck.choice(CONSONANTS) for _ in range(number))


@dataclass(frozen=True)
class Forms:
    """How one word may be written: the notations by name, each as the bytes to look for in lower-cased text."""

    by_encoding: Mapping[str, tuple[bytes, ...]]

    @staticmethod
    def of(word: str) -> "Forms":
        """Return every form of the beginning of a word (ASCII)."""
        plain = word[:STEM_LETTERS]
        spelled = {
            name: ["".join(pattern.format(ord(letter)) for letter in plain) for pattern in patterns]
            for name, patterns in _LETTER_BY_LETTER.items()
        }
        found = {name: [form.strip(" :").encode() for form in forms] for name, forms in spelled.items()}
        found["utf-8"] = [plain.encode()]
        found["percent"] += [quote(plain).encode()] if quote(plain) != plain else []
        # Without the zeros at the end they are also found in the other order of bytes.
        found["utf-16"] = [plain.encode("utf-16-le")[:-1]]
        found["utf-32"] = [plain.encode("utf-32-le")[:-3]]
        found["reversed"] = [plain[::-1].encode()]
        found["in groups"] = ["-".join((plain[:8], plain[8:])).encode(), " ".join(plain).encode()]
        found["base64"] = [form for text in _encoded(word) for form in _inside(text, base64.b64encode, 3, 4)]
        found["base64url"] = [form for text in _encoded(word) for form in _inside(text, base64.urlsafe_b64encode, 3, 4)]
        found["base64 twice"] = [
            twice for once in found["base64"][:3] for twice in _inside(once, base64.b64encode, 3, 4)
        ]
        found["base32"] = _inside(plain.encode(), base64.b32encode, 5, 8)
        return Forms({name: tuple(dict.fromkeys(f.lower() for f in forms)) for name, forms in found.items()})

    def found_in(self, lowered: bytes) -> list[str]:
        """Return the encodings in which the word stands in bytes that were lower-cased."""
        return [name for name, forms in self.by_encoding.items() if any(form in lowered for form in forms)]


def unpacked(data: bytes) -> Iterator[bytes]:
    """Yield what gzip and zlib packed anywhere in these bytes."""
    for match in _PACKED.finditer(data):
        # 47: either header is taken.
        try:
            found = zlib.decompressobj(47).decompress(data[match.start() :], UNPACKED_BYTES_MAX)
        except zlib.error:
            continue
        if found:
            yield found


def _encoded(word: str) -> tuple[bytes, bytes]:
    plain = word[:STEM_LETTERS]
    return plain.encode(), plain.encode("utf-16-le")[:-1]


def _inside(text: bytes, encode: Callable[[bytes], bytes], group: int, letters: int) -> list[bytes]:
    """Return a text's encoding at each alignment: only whole groups do not depend on what stands around it."""
    found = []
    for shift in range(group):
        encoded = encode(bytes(shift) + text)
        whole = (shift + len(text)) // group * letters
        found.append(encoded[letters if shift else 0 : whole])
    return found


def every_way(word: str) -> list[bytes]:
    """Return a word as each notation has it, one line for each, with other text before and after where it counts."""
    said = f"so {word} said"
    lines = [said.encode(), said.encode("utf-16"), said.encode("utf-32"), said[::-1].encode(), said.upper().encode()]
    lines += [
        "".join(p.format(ord(letter)) for letter in word).encode() for ps in _LETTER_BY_LETTER.values() for p in ps
    ]
    for start in range(5):
        text = said[start:].encode()
        once = base64.b64encode(text)
        lines += [once, base64.urlsafe_b64encode(text), base64.b32encode(text), base64.b64encode(once)]
    lines += [
        "-".join((word[:8], word[8:16], word[16:])).encode(),
        gzip.compress(said.encode()),
        zlib.compress(said.encode()),
    ]
    return lines
