# ruff: noqa: SIM905, E501 - a list of words reads as words, a pattern on one line
"""The words around a time phrase that decide what it is a time of, and how a message asks."""

import re

# Not read by a relation, one of these changes the time beside it into another one.
VETO = frozenset(
    """
    next every each per except excluding without besides than upcoming coming since before until between after
    unlike not always usually following""".split()
)
PART_LIKE = frozenset(
    """
    day days week weeks part parts half third quarter ends bit portion chunk stretch rest""".split()
)
THINGS = frozenset(
    """
    tree trees dinner dinners party parties present presents gift gifts card cards carol carols cookies lights
    pudding market markets eggs egg bunny cleaning roast roasts lunch lunches brunch school blues feeling job jobs
    house home camp dress clothes turkey decorations shopping jumper sale sales fair concert costume costumes
    special service mass film movie song songs baby vibes deadline club class classes league practice shift shifts
    body tan solstice bulbs street road avenue lane drive spirit miracle stocking stockings pyjamas pajamas bonus
    wrapping cake madness fever""".split()
)
TALK = frozenset(
    """
    say said talk talked talking tell told discuss discussed mention mentioned speak spoke bring brought cover
    covered work worked ask asked suggest suggested recommend recommended agree agreed decide decided set gave give
    given get got do did done have had was were be been feel felt feeling am is i we you me us it them her him she
    he they that this about up on down out session happened happen went go going know remember learn learned learnt
    notice noticed what how anything something everything things much like change changed here there back again now
    homework notes note write and or but so then because to for with in of from at look looked review recap
    summarize summarise summary since until sometime anytime time whole all both entire month night exercise task
    thing advice conversation week weeks days period compare compared topic topics one the my our""".split()
)
FUTURE = re.compile(
    r"\b(?:will|'ll|shall|gonna|going to|should i|can i|can we|could i|could we|may i|i may|i might|do i have|see you|"
    r"talk to you|have a|am i (?:seeing|meeting)|(?:is|are) (?:my|our|the) (?:next )?(?:sessions?|appointments?)|"
    r"when(?:'s| is| are)|reschedule|cancel|book|postpone|coming up|tomorrow|need to|have to|supposed to|planning|"
    r"looking forward|how many (?:days|weeks|months) (?:until|till|to))\b"
)
PAST = re.compile(
    r"\b(?:did|said|told|talked|spoke|discussed|was|were|had|mentioned|brought|covered|agreed|worked|felt|went|gave|"
    r"happened|asked|suggested|since|have i|has|i've|we've|have we|got|came|made)\b"
)
# Asked of what is always so, not of a time.
GENERAL = re.compile(
    r"\b(?:is it|do i|does|do you|am i|how do|what do|what helps|what's the best|always|usually|never|whenever|tend to|normally|"
    r"typically|often)\b"
)
OF_SESSIONS = re.compile(
    r"\b(?:say|said|saying|tell|told|talk\w*|discuss\w*|mention\w*|speak|spoke|spoken|sessions?|appointments?|meetings?|conversations?|visits?|chat\w*|progress|how (?:was|were|did|have|had|has) (?:i|we|my)|"
    r"cover(?:ed)?|bring up|brought up|c[ao]me up|homework|suggest\w*|recommend\w*|agreed?|advice|advised?|remind|remember|"
    r"notes?|summar\w*|recap|ask(?:ed)?|work(?:ed)? on|topics?|therapist|counsell?or|learn\w*|exercise)\b"
)
VERBS_OF_PEOPLE = frozenset(
    """
    left died came told said was is has had got moved called asked thinks says wants would will""".split()
)
TELLS_OF_LIFE = re.compile(
    r"^(?:(?:and|but|so|well|hi|hello),? )*(?:i|i'm|i've|we|he|she|it|they|my \w+ (?:is|are|was|has|had|and i))\b(?!.*\?)"
)
ASKS = re.compile(r"\b(?:know|see|hear|show|find|look|recall|what|how|which|who|why|when|tell)\b")
