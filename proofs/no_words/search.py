"""Searches everything that was kept for words and credentials, and judges what was found by where it may stand."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from proofs.kit.kept_bytes import Kept
from proofs.no_words.words import Canaries, Forms, unpacked

COLUMNS_FILE = Path(__file__).with_name("columns.txt")
PACKED = "packed"
# An event carries the capability that its answer works under, so that is where the streams and archives keep one.
CAPABILITY = "v1|devstack|"
_CARRY_CAPABILITIES = frozenset({"redis", "dead letter", "server file"})
_CARRYING_COLUMN = ".outbox.headers"
_KEEPS_SECRETS = "server file"


@dataclass(frozen=True)
class Sought:
    """What must not be found: the words, credentials of callers, and the secrets of the installation."""

    words: Canaries
    credentials: Sequence[str]
    secrets: Sequence[str]


@dataclass(frozen=True)
class Control:
    """What the leaky service leaked; it must be found."""

    word: str
    credential: str
    log: str


@dataclass
class Verdict:
    """What was searched and found. `hits` has a line each: where, in which notation, planted where."""

    places: int = 0
    bytes: int = 0
    kinds: set[str] = field(default_factory=set)
    hits: list[str] = field(default_factory=list)
    meant: set[str] = field(default_factory=set)
    caught_in: set[str] = field(default_factory=set)
    caught_as: set[str] = field(default_factory=set)
    caught_credential: bool = False


def columns() -> Mapping[str, str]:
    """Return the columns that are there to hold words, each with the reason."""
    lines = [line for line in COLUMNS_FILE.read_text().splitlines() if line and not line.startswith("#")]
    return {name: reason.strip() for name, _, reason in (line.partition(" ") for line in lines)}


def judged(kept: Iterable[Kept], sought: Sought, control: Control) -> Verdict:
    """Search all of it in one pass, for what must not be there and for what must."""
    verdict = Verdict()
    search = _Search(sought, control, verdict)
    for one in kept:
        search.look_at(one)
    return verdict


class _Search:
    def __init__(self, sought: Sought, control: Control, verdict: Verdict) -> None:
        self._sought = sought
        self._words = Forms.of(sought.words.stem)
        self._credentials = [Forms.of(text) for text in sought.credentials]
        self._secrets = [Forms.of(text) for text in sought.secrets]
        self._capability = Forms.of(CAPABILITY)
        self._control, self._control_word = control, Forms.of(control.word)
        self._control_credential = Forms.of(control.credential)
        self._columns = columns()
        self._verdict = verdict

    def look_at(self, one: Kept) -> None:
        verdict = self._verdict
        verdict.places += 1
        verdict.bytes += len(one.data)
        verdict.kinds.add(one.kind)
        for data, packed in ((one.data, False), *((inner, True) for inner in unpacked(one.data))):
            lowered = data.lower()
            self._note_words(one, data, [*self._words.found_in(lowered), *[PACKED] * packed])
            verdict.hits += [f"{one.kind} {one.name}: a {what}" for what in self._kept_secret(one, lowered)]
            self._note_control(one, lowered, packed)

    def _note_words(self, one: Kept, data: bytes, encodings: Sequence[str]) -> None:
        if encodings in ([], [PACKED]):
            return
        if one.kind == "database column" and one.name in self._columns:
            self._verdict.meant.add(one.name)
            return
        planted = ", ".join(self._sought.words.origins_in(data)) or "unknown"
        self._verdict.hits.append(f"{one.kind} {one.name}: {'/'.join(encodings)} of {planted}")

    def _kept_secret(self, one: Kept, lowered: bytes) -> Iterator[str]:
        if any(forms.found_in(lowered) for forms in self._credentials):
            yield "caller's credential"
        if one.kind != _KEEPS_SECRETS and any(forms.found_in(lowered) for forms in self._secrets):
            yield "secret of the installation"
        carries = one.kind in _CARRY_CAPABILITIES or one.name.endswith(_CARRYING_COLUMN)
        if not carries and self._capability.found_in(lowered):
            yield "capability"

    def _note_control(self, one: Kept, lowered: bytes, packed: bool) -> None:
        found = self._control_word.found_in(lowered)
        if found:
            self._verdict.caught_in.add(one.kind)
        if one.name == self._control.log:
            self._verdict.caught_as.update([*found, *[PACKED] * (packed and bool(found))])
            self._verdict.caught_credential |= bool(self._control_credential.found_in(lowered))


def encodings() -> list[str]:
    """Return the name of every notation that is looked for."""
    return [*Forms.of(CAPABILITY).by_encoding, PACKED]
