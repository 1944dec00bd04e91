"""The fixed texts of the crisis check by kind and country, and the line of care beside an ordinary answer.

They say that this is an AI, name whom to call, and hold no method, no judgement and nothing about the patient.
"""

from dataclasses import replace

from libs.contracts.safety import ELSEWHERE, HelpLines, help_lines
from services.chat.domain.conversation import Answer
from services.chat.domain.crisis.assessing import Concern, Kind, Level
from services.chat.domain.message_kind import MessageKind
from services.chat.domain.phrasing import NOTHING_FOUND, NOTHING_KEPT

_WHAT_I_AM = (
    "I'm an AI that helps you look back at your sessions. I'm not a crisis service and not a person, "
    "so please reach out to somebody who can be with you right now."
)
_STILL_HERE = (
    "Your therapist is also someone to tell, as soon as you can reach them. "
    "I'm still here, and you can keep writing to me whenever you want to."
)
# By this sentence a stored answer with a line of care is recognised.
_MARK = "I'm an AI and not a crisis service, so I want you to know who is there:"
_OPENINGS = {
    Kind.SELF_HARM: "I'm really glad you told me, and I'm taking it seriously.",
    Kind.HARM_TO_OTHERS: "Thank you for saying this out loud. It matters, and it can stop before anybody is hurt.",
    Kind.ABUSE: "I'm so sorry this is happening. It is not your fault, and you don't have to carry it alone.",
    Kind.CHILD_IN_DANGER: "Thank you for telling me. A child's safety comes first, and you did right to say it.",
    Kind.MEDICAL_EMERGENCY: "This may be a medical emergency. Please get help now, even if it seems to pass.",
}
_ADVICE = {
    Kind.SELF_HARM: "If you can, stay near somebody you trust.",
    Kind.HARM_TO_OTHERS: "If you can, go where you are alone or with somebody calm, away from whoever you could hurt.",
    Kind.ABUSE: "If you are in a place where you can be overheard, you can also write to somebody you trust.",
    Kind.CHILD_IN_DANGER: "If you can, stay with the child, or make sure a safe adult does.",
    Kind.MEDICAL_EMERGENCY: "Don't wait alone: let somebody near you know, and tell the helpers what happened.",
}
_CARING = {
    Kind.SELF_HARM: "What you wrote sounds heavy, and you don't have to carry it alone.",
    Kind.HARM_TO_OTHERS: "What you wrote sounds like a lot to hold, and there are people to talk to about it.",
    Kind.ABUSE: "Nobody should have to live with being hurt or made afraid.",
    Kind.CHILD_IN_DANGER: "If a child may not be safe, somebody can help today.",
    Kind.MEDICAL_EMERGENCY: "If this is about your body right now, please don't wait.",
}


def fixed_text(kind: Kind, lines: HelpLines) -> str:
    """Return the text that a message at level explicit is answered with."""
    parts = (_OPENINGS[kind], _WHAT_I_AM, _whom_to_call(kind, lines), _elsewhere(lines), _ADVICE[kind], _STILL_HERE)
    return " ".join(part for part in parts if part)


def caring_line(kind: Kind, lines: HelpLines) -> str:
    """Return the one line that stands beside an ordinary answer at level possible."""
    return f"{_CARING[kind]} {_MARK} {_whom_to_call(kind, lines)}"


def with_care(answer: Answer, concern: Concern | None, lines: HelpLines) -> Answer:
    """Return the answer with a line of care if there is a concern; the line alone in place of "nothing was found"."""
    if concern is None or concern.level is not Level.POSSIBLE:
        return answer
    line = caring_line(concern.kind, lines)
    # Behind "nothing was found" the line would read as an afterthought, so it stands alone.
    empty = answer.text in (NOTHING_FOUND, NOTHING_KEPT) or answer.kind is MessageKind.FEELING
    return replace(answer, text=line if empty and not answer.grounded else f"{answer.text}\n{line}")


def has_care(text: str) -> bool:
    """Return whether a stored answer holds a line of care."""
    return _MARK in text


def _whom_to_call(kind: Kind, lines: HelpLines) -> str:
    emergency = f"in immediate danger, call {lines.emergency} or go to the nearest emergency room."
    crisis = lines.crisis.spoken if lines.country else f"{ELSEWHERE} lists who to call in your country"
    own_first = f"You can reach {', or '.join(line.spoken for line in lines.own)}. " if lines.own else ""
    if kind is Kind.MEDICAL_EMERGENCY:
        poison = f" If something was swallowed, you can also {lines.poison.spoken}." if lines.poison else ""
        # The ambulance comes before any line to talk to.
        now = f"Call {lines.emergency} now or go to the nearest emergency room.{poison}"
        return f"{now} {own_first}To talk to somebody: {crisis}."
    own = {Kind.ABUSE: lines.abuse, Kind.CHILD_IN_DANGER: lines.child}.get(kind)
    who = f"{own.spoken}, or {crisis}" if own else crisis
    return own_first + (f"You can {who}; {emergency}" if lines.country else f"{crisis}; {emergency}")


def _elsewhere(lines: HelpLines) -> str:
    if not lines.country:
        return ""
    return "In another country, your local emergency number or findahelpline.com can connect you."


CRISIS_TEXT = fixed_text(Kind.SELF_HARM, help_lines("US"))
