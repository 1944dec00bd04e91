"""Places in the therapy as a whole: its beginning, all of it, when we last met."""

from services.chat.domain.time.found import Found
from services.chat.domain.time.meetings import MET, OF_PEOPLE
from services.chat.domain.time.shapes import SessionSlice
from services.chat.domain.time.words.tokens import Text

_STARTED = ("started", "began", "met", "begin", "beginning", "begun", "start")
_THERAPY = (
    "of", "our", "my", "the", "these", "with", "in", "to", "therapy", "treatment", "session", "work", "working", "here",
    "coming", "seeing", "you", "counselling", "counseling", "together",
)  # fmt: skip
_ENDS = ("", "?", ".", ",", "!")
_SPEAKS = (*_ENDS, "i", "we", "you", "she", "he", "did", "what", "when", "how", "that")
_FIRST, _EARLY, _LAST, _ALL = SessionSlice(0, 1), SessionSlice(0, 3), SessionSlice(-1, None), SessionSlice(None, None)
# What is said in one way: the phrase, its sessions, and whether it must end the sentence.
_SAID: tuple[tuple[tuple[str, ...], SessionSlice, bool], ...] = (
    (("when", "i", "was", "here", "last"), _LAST, False), (("when", "i", "was", "last", "here"), _LAST, False),
    (("early", "on"), _EARLY, False), (("in", "the", "early", "day"), _EARLY, False),
    (("to", "begin", "with"), _FIRST, True), (("at", "first"), _FIRST, True),
    (("so", "far"), _ALL, False), (("to", "date"), _ALL, False), (("until", "now"), _ALL, False),
    (("up", "to", "now"), _ALL, False), (("up", "until", "now"), _ALL, False), (("since", "day", "one"), _ALL, False),
    (("from", "day", "one"), _ALL, False),
)  # fmt: skip


def therapy(text: Text, at: int) -> Found | None:
    """Read a place in the therapy as a whole."""
    for words, part, at_end in _SAID:
        if text.follows(at, *words) and (not at_end or text.word(at + len(words)) in _ENDS):
            return _found(part, at + len(words))
    for read in (_when, _beginning, _since_beginning, _every_session):
        found = read(text, at)
        if found:
            return found
    return None


def _found(part: SessionSlice, stop: int) -> Found:
    return Found((part,), stop, "session", settled=True)


def _when(text: Text, at: int) -> Found | None:
    """Read "when we last met", "when we started", "when I first came here"."""
    if text.word(at) != "when" or text.word(at + 1) not in OF_PEOPLE:
        return None
    ours = text.word(at + 1) == "we"
    verb = text.after(at + 2, "first", "last", "just", "had")
    adverb, behind = text.word(verb - 1), text.word(verb + 1)
    if ours and adverb in ("first", "last") and text.word(verb) in MET and behind not in ("about", "of"):
        return _found(_FIRST if adverb == "first" else _LAST, verb + 1)
    came = text.word(verb) == "came" and adverb == "first"
    stop = text.after(verb + 1, *_THERAPY)
    if came or (text.word(verb) in _STARTED and (ours or stop > verb + 1)):
        return _found(_FIRST, stop)
    return None


def _beginning(text: Text, at: int) -> Found | None:
    """Read "at the very beginning", "in the beginning", "at the start of therapy"."""
    start = text.after(at, "right", "back")
    place = text.after(start + 1, "the", "very")
    if text.word(start) not in ("at", "in") or text.word(place) != "beginning":
        return None
    stop = text.after(place + 1, *_THERAPY)
    if text.word(place + 1) in _SPEAKS:
        return _found(_FIRST, place + 1)
    # "at the beginning of the month" is no place in the therapy.
    return _found(_FIRST, stop) if stop > place + 1 and text.word(stop - 1) not in ("of", "the", "in", "my") else None


def _since_beginning(text: Text, at: int) -> Found | None:
    """Read "since we started", "from the very beginning", "since I started seeing you"."""
    if text.word(at) not in ("since", "from"):
        return None
    start = text.after(at + 1, "the", "very")
    if text.word(start) == "beginning":
        stop = text.after(start + 1, *_THERAPY)
        told = text.word(start + 1) != "of" or text.word(stop - 1) not in ("of", "the", "in", "my")
        return _found(_ALL, stop if stop > start + 1 else start + 1) if told else None
    who = text.after(at + 1, "when")
    verb = text.after(who + 1, "first")
    if text.word(who) not in OF_PEOPLE or text.word(verb) not in _STARTED:
        return None
    stop = text.after(verb + 1, *_THERAPY)
    ours = text.word(who) == "we" or stop > verb + 1 or text.word(verb + 1) in _ENDS
    return _found(_ALL, stop) if ours else None


def _every_session(text: Text, at: int) -> Found | None:
    start = text.after(at, "in", "over", "across", "from", "through", "of")
    if text.word(start) not in ("all", "every", "each"):
        return None
    stop = text.after(start + 1, "of", "our", "my", "the", "single", "one", "these")
    return _found(_ALL, stop + 1) if text.word(stop) == "session" else None
