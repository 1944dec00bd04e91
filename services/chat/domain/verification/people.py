"""Checks whom a report is about: the speaker, or somebody named in the quote or just before it."""

from collections.abc import Sequence

from services.chat.domain.conversation import Speaker
from services.chat.domain.verification.lexicon import KIN, may_be
from services.chat.domain.verification.quote import Quote
from services.chat.domain.verification.segments import Report
from services.chat.domain.verification.tokens import ANYBODY, THERAPIST, YOU, ReadText, Token

# "He" may be one of so many people named last.
NAMED_NEAR = 3
BESIDE = 2
_SUBJECTS = frozenset("i you he she they".split())  # noqa: SIM905
PRONOUNS = frozenset("he she they him her his them their hers theirs".split())  # noqa: SIM905


def people_known(said: ReadText, report: Report, quotes: Sequence[Quote]) -> bool:
    """Return True if `he`, `she` and `they` have somebody to stand for, in a quote or just before it."""
    for token in said.tokens:
        if token.word not in PRONOUNS or token.lead == "of" or Speaker.THERAPIST in report.speakers:
            continue
        pronoun = {"him": "he", "his": "he", "her": "she", "hers": "she"}.get(token.word, token.word)
        pronoun = pronoun if pronoun in ("he", "she") else "they"
        people = [person for quote in quotes for person in quote.people]
        if not any(same_person(pronoun, one, quotes) for one in people):
            return False
    return True


def subjects_hold(said: ReadText, report: Report, quotes: Sequence[Quote]) -> bool:
    """Return True if a clause that opens with a person has that person in the most similar clause of a quote."""
    if Speaker.THERAPIST in report.speakers:
        return True
    told = [one for quote in quotes for one in _clauses(quote.reading)]
    for subject, words in _clauses(said):
        alike = [(len(words & other), who) for who, other in told if words & other]
        best = [who for count, who in alike if count == max(count for count, _ in alike)]
        if subject and best and not any(who is None or same_person(subject, who, quotes) for who in best):
            return False
    return True


def _clauses(reading: ReadText) -> list[tuple[str | None, set[str]]]:
    """Return each clause as the person it opens with and its words of content."""
    found: dict[int, list[Token]] = {}
    for one in reading.tokens:
        found.setdefault(one.clause, []).append(one)
    return [(_opens_with(words), {one.lemma for one in words if one.is_content}) for words in found.values()]


def _opens_with(words: Sequence[Token]) -> str | None:
    for place, one in enumerate(words[:3]):
        after = words[place + 1] if place + 1 < len(words) else None
        if after is None:
            return None
        if one.word in _SUBJECTS or one.lemma in KIN or one.is_name or (one.word == "therapist" and place):
            return after.person
        if one.is_content:
            return None
    return None


def same_person(said: str | None, quoted: str | None, quotes: Sequence[Quote]) -> bool:
    """Return True if a person of a report may be the person of its quote."""
    if ANYBODY in (said, quoted) or said is None or said == quoted:
        return True
    if quoted is None:
        return said in (YOU, THERAPIST)
    if YOU in (said, quoted) or THERAPIST in (said, quoted):
        return False
    return _may_be_one(said, quoted, quotes)


def carried_person(quoted: Token, said: Token) -> str | None:
    """Return the person of the sentence before, for a report about somebody else than the speaker."""
    return None if said.person in (YOU, THERAPIST) or quoted.carried == YOU else quoted.carried


def _side_by_side(one: str, other: str, quotes: Sequence[Quote]) -> bool:
    """Return True for `my husband Alec`: a relative and the name that stands right beside."""
    if one[:4] == other[:4]:
        return False
    first, second = one.partition(":")[2], other.partition(":")[2]
    for quote in quotes:
        places = {
            key: [word.place for word in quote.reading.tokens if key in (word.word, word.lemma)]
            for key in (first, second)
        }
        if any(abs(a - b) <= BESIDE for a in places[first] for b in places[second]):
            return True
    return False


def _may_be_one(said: str, quoted: str, quotes: Sequence[Quote]) -> bool:
    """Return True if two others may be one person: a pronoun and the person named nearest before it."""
    if "they" in (said, quoted):
        return True
    pronoun, named = (quoted, said) if ":" in said else (said, quoted)
    if ":" in pronoun:
        return _side_by_side(said, quoted, quotes)
    if ":" not in named:
        return False
    kind, _, name = named.partition(":")
    if kind == "kin" and not may_be(pronoun, name):
        return False
    # A name for a quoted pronoun must be the last person named before it.
    return ":" not in said or any(named in quote.named[:NAMED_NEAR] for quote in quotes)
