# ruff: noqa: E501 - a cue is read on one line
"""What the trained head of the crisis check reads beside the sentence vector: which conditions and which words hold."""

import re

from services.chat.domain.crisis.context import CONDITIONS, conditions
from services.chat.domain.crisis.spelling import mended

_WORDS = (
    r"\b(?:i|i'm|i've|i'd|i'll|me|my|myself)\b",
    r"^(?:i|i'm|i've|i'd|i'll)\b",
    r"\?$",
    r"\b(?:die|dying|died|dead|death)\b",
    r"\b(?:kill|kills|killing|killed|murder\w*)\b",
    r"\b(?:suicid\w*|unaliv\w*|overdos\w*)\b",
    r"\b(?:hurt|hurts|hurting|harm|harming|cut|cutting|burn\w*|bleed\w*|blood)\b",
    r"\b(?:myself)\b",
    r"\b(?:life|live|living|alive|exist\w*)\b",
    r"\b(?:want|need|going|plan\w*|decided|ready|wish|hope)\b",
    r"\b(?:don't|do not|can't|won't|never|no|not|nothing|nobody)\b",
    r"\b(?:without me|better off|burden|miss me|in the way|for everyone|doing .{0,15}favou?r|worthless|useless|waste of)\b",
    r"\b(?:goodbye\w*|farewell|last time|letters?|note|will|funeral|passwords?|keys|papers|when i'm gone|after i'm|my things|give away|giving away|gave my)\b",
    r"\b(?:sleep|asleep|wake|waking|woke)\b",
    r"\b(?:over|end|ending|ended|stop|peace|quiet|rest|nothingness|for ?ever)\b",
    r"\b(?:point|reason|hope|hopeless|future|tomorrow|tired of|exhausted|can't go on|any ?more|any longer|trapped|no way|give up)\b",
    r"\b(?:pills?|tablets?|meds|paracetamol|insulin|morphine|dose|bottle|packet|vodka|bleach|poison)\b",
    r"\b(?:rope|noose|gun|pistol|shotgun|rifle|knife|razor\w*|blades?|hammer|machete|bat|petrol)\b",
    r"\b(?:bridge|roof|ledge|edge|cliffs?|tracks|railway|platform|train|river|sea|balcony|kerb|traffic|garage)\b",
    r"\b(?:he|she|they|husband|wife|partner|boyfriend|girlfriend|ex|dad|father|stepdad|mum|mother|uncle|boss|man)\b.{0,40}\bme\b",
    r"\b(?:hits?|hitting|beats?|beat|punch\w*|kick\w*|slap\w*|chok\w*|strangl\w*|threaten\w*|rap(?:e|ed|es|ing)|touch\w*|assault\w*|abus\w*|forc\w*|lock\w*|push\w*|molest\w*|grop\w*|stalk\w*|follow\w*)\b",
    r"\b(?:baby|child|children|kids?|son|daughter|toddler|nephew|niece|little (?:boy|girl|brother|sister))\b",
    r"\b(?:him|her|them|someone|somebody|people)\b",
    r"\b(?:breath\w*|chest|heart|bleeding|unconscious|collapsed|seizure|fit|stroke|numb|swelling|ambulance|dizzy|swallowed)\b",
    r"\b(?:tonight|now|right now|today|soon|this time|last night|again|still)\b",
    r"\b(?:scared|afraid|frightened|terrified|hiding|not safe|unsafe|safe)\b",
    r"\b(?:job|work|office|boss|exam|meeting|traffic|phone|holiday|dinner|gym|kitchen|cooking|laugh\w*|lol|joke|funny)\b",
    r"\b(?:thank|thanks|happy|proud|glad|love it|better now|well now|good)\b",
    r"\b(?:session|therapist|homework|said|say|talk\w*)\b",
    r"\b(?:voices?|urges?|thoughts?|head|brain|mind)\b",
)
_RULES = tuple(re.compile(word) for word in _WORDS)


def cues(message: str) -> tuple[float, ...]:
    """Return a 1 for each condition and word that is in the message, else a 0.

    The rules' own verdict is left out: they were written with the tuning sets at hand, so a head that reads it learns to
    trust them there and hears nothing where they are silent.
    """
    text = mended(message)
    here = conditions(text)
    return (
        *(float(name in here) for name in (*CONDITIONS, "present")),
        *(float(bool(rule.search(text))) for rule in _RULES),
    )
