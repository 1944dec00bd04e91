"""The fixed texts of the chat: warm, short, plain, in the second person, without judgement.

They contain nothing about the patient but dates, times and verified quotes.
"""

from collections.abc import Sequence

from services.chat.domain.conversation import Answer, Question, Source, Speaker
from services.chat.domain.evidence import asks_about_the_patient
from services.chat.domain.message_kind import BOUNDED, MessageKind
from services.chat.domain.replies import BOUNDARIES, FIXED_REPLIES
from services.chat.domain.time.window import TimeWindow, spoken

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
    "Once one is ready and open to me, I can help you look back at it."
)
QUOTES_ONLY = "I can't write an answer in my own words right now, so here is exactly what was said. "
UNSURE = "I'm not sure this is what you're asking for, but it's the closest I found in your sessions."
NOT_BY_YOU = "The closest I found was said by your therapist, not by you, so it may not be what you're asking for."
TEXT_ONLY = "Right now I can only look for the very words you use, so I may be missing something."
CUT_OFF = "I couldn't finish this answer, but what stands here was said in your sessions."
ASK_ME = FIXED_REPLIES[MessageKind.GREETING]
REDACTED = (
    "This answer is no longer shown, because the consent it was based on has been withdrawn, or the session it quotes "
    "is not open to this chat at the moment."
)


def framed(question: Question, sources: Sequence[Source], *, unsure: bool = False) -> str:
    """Return an opening sentence and the quotes, best first, each with its date, speaker and time."""
    opening = _unsure(question, sources) if unsure else _opening(question, sources)
    return "\n".join((opening, *(quoted(source) for source in sources)))


def lead(kind: MessageKind, window: TimeWindow | None, *, text_only: bool) -> str:
    """Return what stands before an answer that was found: the boundary of its kind, and how and when it was found."""
    notes = [TEXT_ONLY] if text_only else []
    if window is not None and window.note:
        notes.append(window.note)
    elif window is not None and not window.applied:
        notes.append(f"I found nothing about that for “{window.phrase}”.")
    if window is not None and not window.applied:
        notes.append("This is from outside that time:")
    return (f"{BOUNDARIES[kind]}\n" if kind in BOUNDED else "") + "".join(f"{note} " for note in notes)


def whole(answer: Answer, kind: MessageKind) -> str:
    """Return an answer with what stands before it; the boundary of its kind alone if nothing was found."""
    window = answer.time_window
    if answer.grounded:
        return lead(kind, window, text_only=answer.text_only) + answer.text
    if kind in BOUNDED:
        return BOUNDARIES[kind]
    notes = (TEXT_ONLY if answer.text_only else "", window.note if window and window.note else "")
    return " ".join(part for part in (*notes, answer.text) if part)


def _unsure(question: Question, sources: Sequence[Source]) -> str:
    is_theirs = all(source.speaker is Speaker.THERAPIST for source in sources)
    return NOT_BY_YOU if is_theirs and asks_about_the_patient(question) else UNSURE


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


def quoted(source: Source) -> str:
    """Return a quote with its date, its time and who said it."""
    who = {Speaker.PATIENT: "you said", Speaker.THERAPIST: "your therapist said"}.get(source.speaker, "one of you said")
    minutes, seconds = divmod(int(source.start_s), 60)
    return f"On {spoken(source.session_date.date())} at {minutes}:{seconds:02} {who}: “{source.quote}”"
