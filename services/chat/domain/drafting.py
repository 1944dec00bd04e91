"""Splits a model's text into claims: one sentence each, with the citations of its parts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.chat.domain.conversation import Citation, Claim

_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s|$)|\n+")
_MARKS = re.compile(r"^[\s\-*•#>]+|\*\*|__")


@dataclass(frozen=True)
class Span:
    """A part of a model's text, possibly less than a sentence, with its citations."""

    text: str
    citations: tuple[Citation, ...]


def claims_of(spans: Sequence[Span], *, cut_off: bool = False) -> tuple[Claim, ...]:
    """Return the sentences of the joined text, each with the citations of all its parts.

    `cut_off`: the text is truncated, so an incomplete last sentence is dropped.
    """
    sentences = _sentences("".join(span.text for span in spans))
    return _claims(spans, [(start, stop) for start, stop, ended in sentences if ended or not cut_off])


def final_claims_of(spans: Sequence[Span], *, is_open: bool) -> tuple[Claim, ...]:
    """Return the sentences of an unfinished text that nothing to come can change: the first of `claims_of` the whole.

    `is_open`: the last part is still being written, so its citations are yet to come.
    """
    length = sum(len(span.text) for span in spans)
    closed = length - len(spans[-1].text) if is_open and spans else length
    # What follows the end of a sentence must be there: "at 3." may go on with "5".
    sentences = _sentences("".join(span.text for span in spans))
    return _claims(spans, [(start, stop) for start, stop, _ in sentences if stop <= closed and stop < length])


def _claims(spans: Sequence[Span], places: Sequence[tuple[int, int]]) -> tuple[Claim, ...]:
    text = "".join(span.text for span in spans)
    said = [(_MARKS.sub("", text[start:stop]).strip(), start, stop) for start, stop in places]
    return tuple(Claim(words, _cited_between(spans, start, stop)) for words, start, stop in said if words)


def _sentences(text: str) -> list[tuple[int, int, bool]]:
    found: list[tuple[int, int, bool]] = []
    start = 0
    for end in _SENTENCE_END.finditer(text):
        # "Dr. Lee" and "3.5" do not end a sentence.
        if re.search(r"\b(?:Dr|Mr|Mrs|Ms|St|e\.g|i\.e)\.$", text[start : end.end()]):
            continue
        found.append((start, end.end(), True))
        start = end.end()
    if text[start:].strip():
        found.append((start, len(text), False))
    return found


def _cited_between(spans: Sequence[Span], start: int, stop: int) -> tuple[Citation, ...]:
    cited: list[Citation] = []
    place = 0
    for span in spans:
        begin, place = place, place + len(span.text)
        # Overlaps of only spaces and punctuation do not count.
        if span.text[max(0, start - begin) : max(0, stop - begin)].strip(" \n.!?"):
            cited += [citation for citation in span.citations if citation not in cited]
    return tuple(cited)
