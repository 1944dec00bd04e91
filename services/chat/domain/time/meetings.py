"""The words for a session: "session", "appointment", "time we met"."""

from services.chat.domain.time.words.tokens import Text

OURS = ("the", "our", "my", "very", "most", "your", "ever", "that")
OF_PEOPLE = ("we", "i")
MET = frozenset(
    "met spoke talked chatted spoken meet speak talk session came saw visited worked were".split()  # noqa: SIM905
)
_SORTS = ("therapy", "counselling", "counseling", "zoom", "video", "online", "full", "actual")
_THEM = ("you", "my", "the", "her", "him", "them")
_COMING = ("", "here", "in", "?", ".", ",", "to")


def ours(text: Text, at: int) -> int:
    """Return the place behind "the", "our very" and the like."""
    return text.after(at, *OURS)


def meeting(text: Text, at: int) -> int | None:
    """Return the place behind "session" or "time we met"; None if neither stands here."""
    if text.word(at) == "times" and text.word(at + 1) == "we" and text.word(at + 2) in MET:
        return at + 3
    start = text.after(at, *_SORTS)
    if text.word(start) == "session":
        following = text.after(start + 1, "together")
        had = text.word(following) in OF_PEOPLE and text.word(following + 1) == "had"
        return following + (2 if had else 0)
    if text.follows(start, "time", "together"):
        return start + 2
    we = text.after(start + 1, "that")
    if text.word(start) == "one" and text.follows(we, "we", "had"):
        return we + 2
    return _time_met(text, start)


def _time_met(text: Text, at: int) -> int | None:
    who = text.after(at + 1, "that")
    if text.word(at) != "time" or text.word(who) not in OF_PEOPLE:
        return None
    verb = text.after(who + 1, "both", "actually", "have", "had")
    if not (text.word(verb) in MET if text.word(who) == "we" else _i_came(text, verb)):
        return None
    stop = text.after(verb + 1, "here", "you", "in", "together", "to", "with")
    # "the last time we talked about sleep" asks for a topic.
    return None if text.word(stop) in ("about", "of") else stop


def _i_came(text: Text, verb: int) -> bool:
    """Tell a visit from life: "I was here", "I saw you", but not "I saw snow"."""
    word, behind = text.word(verb), text.word(verb + 1)
    if word in ("came", "visited"):
        return behind in _COMING
    if word in ("saw", "met", "seen"):
        return behind in _THEM
    return (word == "was" and behind == "here") or (word in ("spoke", "talked") and behind in ("to", "with"))
