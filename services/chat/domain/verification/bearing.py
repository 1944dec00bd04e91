"""Checks one report against its quotes: words, numbers, denial, what was only thought of, and whom it is about."""

from collections import Counter
from collections.abc import Sequence

from services.chat.domain.conversation import Speaker
from services.chat.domain.verification.denials import bare_hold, denials_hold
from services.chat.domain.verification.lexicon import (
    CAUSES,
    DIRECTIVES,
    FEELINGS,
    KIN,
    NEUTRAL,
    PLAIN,
    means,
)
from services.chat.domain.verification.numbers import Number, belongs, in_order, is_number, numbers
from services.chat.domain.verification.people import PRONOUNS, carried_person, people_known, same_person, subjects_hold
from services.chat.domain.verification.quote import Quote
from services.chat.domain.verification.segments import Act, Report
from services.chat.domain.verification.tokens import THERAPIST, ReadText, Token, read

# So many words on each side of a quoted word are compared, to find the place in the quote that a report is about.
AROUND = 8
# A sentence with this share of its words told is told whole.
# So many words may come from what was said just before the quote.
MISSING_MAX = 2
_ORDER = frozenset("first last next before after second third until since always never more less most least".split())  # noqa: SIM905
_OPPOSITE = {
    "in": "out",
    "out": "in",
    "up": "down",
    "down": "up",
    "on": "off",
    "off": "on",
    "to": "from",
    "from": "to",
    "with": "without",
    "without": "with",
}


def support(text: str, quotes: Sequence[Quote]) -> float:
    """Return the share of the words of content that a quote holds."""
    said = read(text, None)
    values = {one.value for quote in quotes for one in numbers(quote.reading.tokens)}
    stated = [one.value in values for one in numbers(said.tokens)]
    held = [_bears(one, quotes) for one in said.tokens if _is_claim(one)] + stated
    if held:
        return sum(held) / len(held)
    # A report of plain words alone must have them all from the quote.
    return float(
        any(one.is_content for one in said.tokens) and all(_bears(one, quotes) for one in said.tokens if one.is_content)
    )


def bears_out(report: Report, quotes: Sequence[Quote]) -> bool:
    """Return True if the quotes bear out every part of the report."""
    said = read(report.text, None, frozenset(name for quote in quotes for name in quote.names))
    if not quotes or not _acts(report, quotes):
        return False
    claims = [one for one in said.tokens if _is_claim(one)]
    missing = [one for one in claims if not _bears(one, quotes) and one.lemma not in PLAIN]
    if (
        len(missing) > MISSING_MAX
        or not all(_in_context(one, quotes) for one in missing)
        or not people_known(said, report, quotes)
    ):
        return False
    return (
        _numbers_hold(said, quotes)
        and _causes_hold(said, quotes)
        and _names_in_order(said, quotes)
        and denials_hold(said, quotes)
        and bare_hold(said, report, quotes)
        and _said_no_oftener(said, quotes)
        and subjects_hold(said, report, quotes)
        and all(_stands_somewhere(one, said, report, quotes) for one in said.tokens if one.is_content)
    )


def _is_claim(token: Token) -> bool:
    return token.is_content and not is_number(token) and (token.lemma not in NEUTRAL or token.is_name)


def _bears(token: Token, quotes: Sequence[Quote]) -> bool:
    if token.is_name:
        return any(
            token.word in (one.word for one in quote.reading.tokens) or f"name:{token.word}" in quote.people
            for quote in quotes
        )
    return any(means(token.lemma, lemma) for quote in quotes for lemma in quote.reading.lemmas)


def _in_context(token: Token, quotes: Sequence[Quote]) -> bool:
    """Return True if the words just before a quote hold the word, as a question does for its answer."""
    if token.is_name or token.lemma in FEELINGS or token.word in _ORDER:
        return False
    quoted = [one for quote in quotes for one in quote.reading.tokens]
    if token.lemma in KIN and (
        any(one.lemma in KIN for one in quoted) or not any(one.word in PRONOUNS for one in quoted)
    ):
        return False
    return any(
        means(token.lemma, one.lemma) and one.negated == token.negated for quote in quotes for one in quote.context
    )


def _acts(report: Report, quotes: Sequence[Quote]) -> bool:
    """Return True if somebody asked where they are said to have asked, and proposed where they are said to have."""
    if report.act is Act.ASK:
        return any("?" in quote.text or "wonder" in quote.reading.lemmas for quote in quotes)
    if report.act is Act.SUGGEST:
        return any(_is_directive(quote) for quote in quotes if quote.speaker is Speaker.THERAPIST)
    return True


def _is_directive(quote: Quote) -> bool:
    return any(one.word in DIRECTIVES for one in quote.reading.tokens)


def _numbers_hold(said: ReadText, quotes: Sequence[Quote]) -> bool:
    stated = numbers(said.tokens)
    quoted = [numbers(quote.reading.tokens) for quote in quotes]
    return all(
        any(
            belongs(one, there, said.tokens) and _with_owners(one, quote, quotes)
            for there, quote in zip(quoted, quotes, strict=True)
        )
        for one in stated
    ) and all(in_order(stated, there) for there in quoted)


def _with_owners(number: Number, quote: Quote, quotes: Sequence[Quote]) -> bool:
    """Return True if what stands next to a number is in the quote of the number, unless it is in none."""
    return all(
        any(means(owner.lemma, one) for one in quote.reading.lemmas)
        or not any(means(owner.lemma, one) for other in quotes for one in other.reading.lemmas)
        for owner in number.owners
        if not number.at
    )


def _causes_hold(said: ReadText, quotes: Sequence[Quote]) -> bool:
    """Return True if a stated cause is stated in the quote as well, and cause and effect have not changed places."""
    marks = [one for one in said.tokens if one.word in CAUSES or one.lemma in CAUSES]
    if not marks:
        return True
    for quote in quotes:
        given = [
            one
            for one in quote.reading.tokens
            if one.word in CAUSES or one.word in ("so", "made", "make", "makes", "since")
        ]
        if given and _same_side(said.tokens, marks[0], quote.reading.tokens, given[0]):
            return True
    return False


def _same_side(said: Sequence[Token], mark: Token, quoted: Sequence[Token], given: Token) -> bool:
    effect_first = given.word not in ("so", "made", "make", "makes")
    effect = {one.lemma for one in quoted if one.is_content and (one.place < given.place) == effect_first}
    cause = {one.lemma for one in quoted if one.is_content and (one.place > given.place) == effect_first}
    told = [one.lemma for one in said if one.is_content and one.place < mark.place]
    why = [one.lemma for one in said if one.is_content and one.place > mark.place]
    swapped = sum(one in cause - effect for one in told) + sum(one in effect - cause for one in why)
    kept = sum(one in effect - cause for one in told) + sum(one in cause - effect for one in why)
    return kept > swapped


def _names_in_order(said: ReadText, quotes: Sequence[Quote]) -> bool:
    names = [one.word for one in said.tokens if one.is_name or one.lemma in KIN]
    for quote in quotes:
        spoken = [one.word for one in quote.reading.tokens]
        places = [spoken.index(name) for name in names if spoken.count(name) == 1]
        if places != sorted(places):
            return False
    return True


def _said_no_oftener(said: ReadText, quotes: Sequence[Quote]) -> bool:
    """Return True if no word but a person's name is told more often than it was said."""
    told = Counter(
        one.lemma for one in said.tokens if one.is_content and not one.is_name and one.lemma not in KIN | NEUTRAL
    )
    there = Counter(one.lemma for quote in quotes for one in quote.reading.tokens)
    return all(
        count == 1 or count <= sum(there[one] for one in there if means(lemma, one)) for lemma, count in told.items()
    )


def _stands_somewhere(token: Token, said: ReadText, report: Report, quotes: Sequence[Quote]) -> bool:
    """Return True if the word is used in the same way at the place of a quote that is most like its sentence."""
    paired = _pairs(token, said, quotes)
    if paired:
        return _same_use(token, (quotes[0], paired), report, quotes)
    if token.is_name and len(quotes) > 1:
        return True
    places = [
        (_likeness(said, token, quote.reading, one), quote, one)
        for quote in quotes
        for one in quote.reading.tokens
        if means(token.lemma, one.lemma)
    ]
    if not places:
        return True
    best = max(likeness for likeness, _, _ in places)
    nearest = [(quote, one) for likeness, quote, one in places if likeness == best]
    return any(_same_use(token, one, report, quotes) for one in nearest)


def _is_bolder(token: Token, quoted: Token, report: Report) -> bool:
    """Return True if a fact is told of what was only thought of."""
    return quoted.unreal > token.unreal and not report.act_is_open


def _pairs(token: Token, said: ReadText, quotes: Sequence[Quote]) -> Token | None:
    """Return the quoted word at the same turn, where a word is said and quoted equally often and more than once."""
    if len(quotes) > 1:
        return None
    told = [one.place for one in said.tokens if one.lemma == token.lemma]
    quoted = [one for one in quotes[0].reading.tokens if one.lemma == token.lemma]
    return quoted[told.index(token.place)] if len(told) == len(quoted) > 1 else None


def _likeness(said: ReadText, token: Token, quoted: ReadText, place: Token) -> int:
    near = [one for one in quoted.tokens[max(0, place.place - AROUND) : place.place + AROUND + 1] if one.is_content]
    told = {one.lemma for one in said.tokens[max(0, token.place - AROUND) : token.place + AROUND + 1] if one.is_content}
    # A word of the same sentence counts double.
    return len(told & {one.lemma for one in near}) + len(
        told & {one.lemma for one in near if one.sentence == place.sentence}
    )


def _same_use(token: Token, place: tuple[Quote, Token], report: Report, quotes: Sequence[Quote]) -> bool:
    """Return True if a word is denied, thought of, asked, led to and somebody's as it is in the quote."""
    quote, quoted = place
    if (
        token.negated != quoted.negated
        or _is_bolder(token, quoted, report)
        or (quoted.asked and not report.act_is_open)
    ):
        return False
    unsaid = quoted.sentence not in quote.reading.unreal and not quoted.asked and not _is_directive(quote)
    if token.unreal and report.act is None and unsaid:
        return False
    if _OPPOSITE.get(token.following) == quoted.following or _leads_elsewhere(token.lead.split(), quoted.lead.split()):
        return False
    if Speaker.THERAPIST in report.speakers and quoted.person == THERAPIST and token.person in ("he", "she", "they"):
        return True
    return token.is_name or same_person(token.person, quoted.person or carried_person(quoted, token), quotes)


def _leads_elsewhere(said: Sequence[str], quoted: Sequence[str]) -> bool:
    return any(_OPPOSITE.get(one) in quoted and one not in quoted for one in said)
