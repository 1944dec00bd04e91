"""What the chat says in its own voice: warm, short, plain, second person, never a judgement.

These texts are fixed, and hold nothing of the patient but dates and the counts of what was found.
"""

from collections.abc import Sequence

from services.chat.domain.conversation import Question, Source, Speaker
from services.chat.domain.time_window import TimeWindow, spoken

NOTHING_FOUND = (
    "I looked through your sessions and couldn't find anything that answers this, so I'd rather not guess. "
    "You could ask in other words, or bring it up with your therapist next time."
)
NOTHING_KEPT = (
    "I couldn't put together an answer that your sessions clearly support, so I'd rather not guess. "
    "Your therapist is a good person to ask."
)
NO_SESSIONS = (
    "I don't have any of your sessions to look through yet. "
    "Once one has been transcribed, I can help you look back at it."
)
QUOTES_ONLY = "I can't write an answer in my own words right now, so here is exactly what was said. "
TEXT_ONLY = "Right now I can only look for the very words you use, so I may be missing something."
ASK_ME = (
    "Hello! I'm an AI that helps you look back at your therapy sessions. "
    "Ask me about something you and your therapist talked about, and I'll show you where it was said."
)
REDACTED = "This answer is no longer shown, because the consent it was based on has been withdrawn."


def framed(question: Question, sources: Sequence[Source]) -> str:
    """Return one warm sentence and the quotes, the best first, each with its date, speaker and time."""
    return "\n".join((_opening(question, sources), *(_quoted(source) for source in sources)))


def windowed(text: str, window: TimeWindow | None, *, outside: bool) -> str:
    """Put before an answer what the patient must know about when it is from."""
    if window is None or not (window.note or outside):
        return text
    notes = [window.note] if window.note else [f"I found nothing about that for “{window.phrase}”."]
    return " ".join((*notes, "This is from outside that time:" if outside else "", text)).replace("  ", " ")


def _opening(question: Question, sources: Sequence[Source]) -> str:
    dates = sorted({source.session_date.date() for source in sources})
    if len(dates) > 1:
        return "This came up in more than one session; here is what I found."
    when = "earlier today" if dates[0] == question.now.date() else f"on {spoken(dates[0])}"
    if question.overview:
        return f"Here is some of what was said in your session {when}."
    if all(source.speaker is Speaker.PATIENT for source in sources):
        return f"Here is what you said about this in your session {when}."
    return f"Here is what I found in your session {when}."


def _quoted(source: Source) -> str:
    who = {Speaker.PATIENT: "you said", Speaker.THERAPIST: "your therapist said"}.get(source.speaker, "one of you said")
    minutes, seconds = divmod(int(source.start_s), 60)
    return f"On {spoken(source.session_date.date())} at {minutes}:{seconds:02} {who}: “{source.quote}”"
