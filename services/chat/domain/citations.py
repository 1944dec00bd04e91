"""Verifies every sentence of a draft answer against the stored transcript.

A sentence passes if its citations exist and bear out all of it: who said it and when, whom it is about, each number and
name, what is denied and what was only thought of. Prompt injection by text in a transcript can make a model write
anything, but such a sentence does not pass; its quotes are shown in its place, unless they are orders themselves.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.chat.domain.conversation import Citation, Claim, Passage, Source, Speaker, Turn
from services.chat.domain.verification.bearing import bears_out, support
from services.chat.domain.verification.inert_text import is_harmless, is_inert
from services.chat.domain.verification.quote import Quote
from services.chat.domain.verification.segments import Report, denies_a_report, names_date, reports
from services.chat.domain.verification.tokens import Token, names_in, people_of, read

# Minimum share of a sentence's content words that its quotes must hold, before any other check.
SUPPORT_MIN = 0.6
SENTENCE_CHARS_MAX = 600
FALLBACK_QUOTES_MAX = 3
# People named so many turns before a quote may be meant by its "he" or "she".
TURNS_BEFORE = 6
# An answer is understood with its question.
CONTEXT_TURNS = 1
_REFUSES = re.compile(r"\W*(?:no|nope|nah|not|never|none)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Verified:
    """A sentence that stands, or None in the place of one that does not, with the quotes to show."""

    sentence: str | None
    sources: tuple[Source, ...]


def verify(claims: Iterable[Claim], passages: Sequence[Passage]) -> tuple[list[str], list[Source]]:
    """Return the verified sentences and their sources, in order, without duplicates."""
    kept = [one for one in verify_each(claims, passages) if one.sentence]
    sources = dict.fromkeys(source for one in kept for source in one.sources)
    return [one.sentence for one in kept if one.sentence], list(sources)


def verify_each(claims: Iterable[Claim], passages: Sequence[Passage]) -> list[Verified]:
    """Return for each sentence that has a true citation the sentence, or the quotes that may stand in its place."""
    results: list[Verified] = []
    for claim in claims:
        cited = [one for one in claim.citations if one.passage in passages and _source(one)]
        sources = verify_quotes(cited, passages)
        if not sources:
            continue
        if stands(claim.text, cited):
            results.append(Verified(claim.text.strip(), tuple(sources)))
        elif shown := [source for source in sources if _may_replace(source, claim, cited)]:
            results.append(Verified(None, tuple(shown[:FALLBACK_QUOTES_MAX])))
    return results


def verify_quotes(citations: Iterable[Citation], passages: Sequence[Passage]) -> list[Source]:
    """Return the quotes that exist verbatim in the passages."""
    there = [source for citation in citations if citation.passage in passages and (source := _source(citation))]
    return list(dict.fromkeys(there))


def stands(sentence: str, citations: Sequence[Citation]) -> bool:
    """Return True if the cited quotes bear out the sentence, and it holds no link, order, advice or diagnosis."""
    if len(sentence) > SENTENCE_CHARS_MAX or not is_inert(sentence) or not is_harmless(sentence):
        return False
    named = names_in(sentence)
    quotes = [(citation.passage, _quote(citation, named)) for citation in citations]
    # A question reports nothing, and no quote shows that something was never said.
    if sentence.rstrip().endswith("?") or denies_a_report(sentence):
        return False
    parts = [part for part in reports(sentence) if part.text.strip(" ,.;and")]
    return bool(parts) and all(_part_stands(part, quotes) for part in parts)


def _part_stands(part: Report, quotes: Sequence[tuple[Passage, Quote]]) -> bool:
    """Check a part against the quotes of its speakers, from the session whose date it gives."""
    own = [quote for passage, quote in quotes if all(_is_dated(passage, date) for date in part.dates)]
    if part.speakers:
        if not part.speakers <= {quote.speaker for quote in own} and len(part.speakers) == 1:
            return False
        own = [quote for quote in own if quote.speaker in part.speakers]
    elif not _is_attributed_correctly(part, own):
        return False
    return bool(own) and support(part.text, own) >= SUPPORT_MIN and bears_out(part, own)


def _is_attributed_correctly(part: Report, quotes: Sequence[Quote]) -> bool:
    """Return True if what is told of the patient was told by the patient, or is what the therapist set."""
    said = part.text.lower()
    if "homework" in said or "exercise" in said:
        return True
    about_patient = any(one.word in ("you", "your") for one in read(part.text, None).tokens)
    return not about_patient or any(quote.speaker is Speaker.PATIENT for quote in quotes)


def _is_dated(passage: Passage, written: str) -> bool:
    return names_date(written, passage.session_date.date())


def _may_replace(source: Source, claim: Claim, citations: Sequence[Citation]) -> bool:
    """Return True if a quote may be shown for its sentence: it is about the same, and holds no order or link itself."""
    quotes = [_quote(one, names_in(claim.text)) for one in citations if _source(one) == source]
    return is_inert(source.quote) and is_harmless(source.quote) and support(claim.text, quotes) > 0


def _quote(citation: Citation, named: frozenset[str]) -> Quote:
    turns = citation.passage.turns
    turn = turns[citation.turn]
    text = turn.text if citation.words is None else citation.words.strip()
    names = named.union(*(names_in(one.text) for one in turns))
    people: list[str] = []
    for before in reversed(turns[max(0, citation.turn - TURNS_BEFORE) : citation.turn + 1]):
        people += [one for one in reversed(people_of(read(before.text, before.speaker, names))) if one not in people]
    return Quote(turn.speaker, read(text, turn.speaker, names), text, tuple(people), names, _context(citation))


def _context(citation: Citation) -> tuple[Token, ...]:
    """Return what was said just before a quote; nothing before a "no", which denies it."""
    turns = citation.passage.turns
    if _REFUSES.match(turns[citation.turn].text):
        return ()
    before = turns[max(0, citation.turn - CONTEXT_TURNS) : citation.turn]
    own = [turns[citation.turn]] if citation.words is not None else []
    return tuple(one for turn in (*before, *own) for one in read(turn.text, turn.speaker).tokens if one.is_content)


def _source(citation: Citation) -> Source | None:
    """Return the exact quote of a citation, None if it does not exist."""
    passage = citation.passage
    if not 0 <= citation.turn < len(passage.turns):
        return None
    turn = passage.turns[citation.turn]
    quote = turn.text if citation.words is None else citation.words.strip()
    if not quote or _spaced(quote) not in _spaced(turn.text):
        return None
    return _of(passage, turn, quote)


def _of(passage: Passage, turn: Turn, quote: str) -> Source:
    start_s, end_s = _seconds(turn, quote)
    return Source(
        chunk_id=passage.chunk_id,
        session_id=passage.session_id,
        session_date=passage.session_date,
        relevance=passage.relevance,
        quote=quote,
        start_s=start_s,
        end_s=end_s,
        speaker=turn.speaker,
        session_day=passage.session_date.date(),
    )


def _seconds(turn: Turn, quote: str) -> tuple[float, float]:
    """Return start and end of a quote in seconds, interpolated within its turn and rounded to 0.1 s."""
    # -1 where only the spaces differ: then the whole turn is cited.
    place = turn.text.find(quote)
    if place < 0 or len(quote) == len(turn.text):
        return turn.start_s, turn.end_s
    length_s = turn.end_s - turn.start_s
    share = length_s / len(turn.text)
    return round(turn.start_s + place * share, 1), round(turn.start_s + (place + len(quote)) * share, 1)


def _spaced(text: str) -> str:
    return " ".join(text.split())
