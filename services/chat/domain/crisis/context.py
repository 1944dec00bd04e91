# ruff: noqa: E501 - a rule is read on one line
"""What makes words of a crisis mean something else: one's own past, other people, stories, questions about sessions.

Rules that decide alone are held back by these; the trained head reads them as cues.
"""

import re

_KIN = (
    r"(?:brother|sister|mother|mom|mum|father|dad|friend|friend's|mate|uncle|aunt|cousin|son|daughter|husband|wife|partner|ex|boyfriend|girlfriend|bf|gf|"
    r"colleague|neighbou?r|classmate|patient|client|roommate|flatmate|boss|singer|actor|nephew|niece|gran|nan|grandmother|grandfather|grandad|grandma|godfather|"
    r"teacher|student|customer|lad|man|woman|girl|boy|kid|teenager|people|someone|somebody|guy|mentor|stepson|headteacher|landlord|tutor|patient's|wife's|colleague's|brother's|sister's)"
)
# Said by somebody who speaks about now.
PRESENT = re.compile(
    r"\b(?:again|right now|tonight|still (?:want|think|feel|do|have|cut|hurt)|this (?:morning|evening|weekend)|last (?:night|week)|(?<!ago )today|yesterday|lately|recently|(?:is|are|came|come|coming|creeping) back(?! on| to me)|worse|i've relapsed|i relapsed|(?:i'm|i am) (?:going|planning|about) to (?:die|kill|end|hurt|cut|do it|jump|take)|i (?:really |still |just |also )?(?:want|need|plan) to (?:die|kill|end|hurt|cut|be dead|not))\b|\bnow i (?:really |just )?(?:want|need|feel|think|wish)\b(?! (?:to (?:help|live|talk|give|work|be a)|about holidays|of (?:other|nice)))"
)
PAST = re.compile(
    r"\b(?:(?:\w+ )?(?:years?|decades?|months|ages|lifetime|half a lifetime) (?:ago|back|now|since|clean|free|sober|without|later)|in (?:19|20)\d\d|(?:spring|summer|autumn|winter|fall) of (?:19|20)\d\d|since (?:19|20)\d\d|back (?:then|in)|long (?:time )?(?:ago|before|over)|"
    r"used to (?!.{0,40}\b(?:now|again)\b)|when i was (?:\w+ )?(?:\d+|[a-z]+teen|ten|eleven|twelve|nine|eight|seven|twenty|thirty|young|younger|little|small|a (?:kid|child|teen\w*|student|boy|girl)|at (?:school|uni|college|my worst|university))|as a (?:teen\w*|child|kid|student|young)|in my (?:teens|twenties|thirties|youth|early|late|first year)|at (?:seventeen|nineteen|eighteen|sixteen|fifteen|fourteen|twenty|thirteen|\d\d\b|school|uni)|"
    r"(?:in|for|after) (?:\w+ ){1,3}(?:years|months)|\w+ years (?:self|free|clean|of recovery)|behind me|(?:so )?glad (?:to be alive|"
    r"i'm (?:still )?here|i'm alive|i survived)|grateful|thankful|thank god|thanks god|life is good|i got help|"
    r"got better|it passed|faded|long gone|looking back|look back|made me who i am|in (?:college|school|high school|"
    r"uni|university|the (?:spring|summer|nineties|eighties|seventies|sixties|war|army)|our final year|prison)|"
    r"when (?:i|we|he|she) (?:was|were)|(?:as|since) (?:children|kids|childhood)|growing up|anniversary|those days|"
    r"survivor|a different life|died|passed away|funeral|before i was born|back when|since i (?:started|stopped|"
    r"met|had)|stopped when|before (?:treatment|therapy|the medication)|(?:was|felt|had been) (?:\w+ )?suicidal (?:after|"
    r"when|in|during|before|for|at|back)|first (?:husband|wife)|now i think about holidays|in ages|the old me|"
    r"my old|once (?:wrote|tried|wanted|took|stood|was|had|felt)|was once|year (?:nine|ten|eleven|twelve)|the last time i (?:cut|"
    r"tried|wanted|felt|self)|free (?:of|from)|clean (?:of|from)|in recovery|recovered|recovery|survived (?:it|"
    r"an?|my|that)|surviving (?:that|my|an?)|glad (?:it didn't|i (?:lived|didn't|survived|stayed))|all good since|"
    r"that's (?:over|behind me|all over|the past)|(?:past|behind me|over) (?:all )?that\b|no longer|stopped (?:cutting|"
    r"self[ -]?harming|hurting|thinking)|haven't (?:\w+ )?(?:self[ -]?harmed|cut|hurt|wanted|thought|had|done|"
    r"felt)|hasn't been|not (?:self[ -]?harmed|cut|had those)|don't (?:self[ -]?harm|cut|hurt myself) any ?more|"
    r"hardly ever|(?:not|isn't|wasn't) (?:\w+ )?suicidal (?:any ?more|now)|(?:been )?(?:fine|well|better|ok|"
    r"okay|silent) (?:for|since|now)|well now|all right now|these days i (?!want|think)|my attempt|since my attempt|"
    r"doesn't bother me|don't bother me|never went back|got (?:me )?through (?:it|that)|how i got (?:out|through)|"
    r"proud)\b"
)
OTHERS = re.compile(
    rf"\b(?:my|his|her|our|a|the|your|their|this|that|some) (?:\w+(?:'s)? ){{0,2}}?{_KIN}(?:'s|'d)?\b(?! (?:wants me|told me to|says i|makes me|hits|hit me|raped|beats|left me))|\b(?:he|she|they)(?:'s|'d|'ll|'re)?\b|\b(?:him|her|them)sel(?:f|ves)\b|\bsomebody (?:who|that)|\bsomeone (?:who|that|at|i)|\bdad's|\bmum's|\bmum keeps|\bdad says|\bpeople (?:in|who|that|at)\b"
)
WORRY = re.compile(
    r"\b(?:worried|worry|worries|scared for|afraid (?:my|he|she|that|for)|frightened (?:for|my|that)|concerned|anxious (?:about|for)|how (?:do|can|should) i (?:help|tell|support|talk)|what (?:do|should|can) i (?:say|do)|what if (?:my|he|she)|told me|texted|says?|said|keeps saying|posted|wrote that|breaks my heart|helpless|warning sign|check on|scares me|hospital)\b"
)
STORY = re.compile(
    r"\b(?:film|movie|book|novel|series|episode|podcast|documentary|news|headline|article|song|lyrics|play|opera|"
    r"musical|character|characters|game|gaming|video game|essay|poem|poems|lecture|course|studying|thriller|"
    r"soap|true crime|detective|chapter|watched|watching|netflix|tv|telly|television|radio|exhibition|painting|"
    r"shakespeare|hamlet|romeo|ophelia|plath|interview|poster|quiz|training|report(?:ed)? that|statistics|the paper|"
    r"paper|history|documentar\w+|minecraft|cluedo|murder myster\w+|awareness|prevention|binge-?watched|saw a thing|"
    r"story|stories|novelist|author|memoir|biography|ballet|theatre|drama|crime (?:show|series|drama)|video)\b"
)
_SAID = r"(?:say|said|saying|talk\w*|tell|told|mention\w*|discuss\w*|describ\w*|bring|brought|agree\w*|decide\w*|wrote|write|notes?|answer|ask(?:ed)?|react\w*|respond\w*|explain\w*|suggest\w*|recommend\w*|come up|came up|spoke|speak|sessions?|therapist|transcript\w*|recording\w*|appointments?|safety plan|crisis (?:plan|card)|words?|number|steps|question)"
SESSION = re.compile(
    rf"^(?:so |and |hi |hello |please |ok |hey )*(?:(?:what|what's|when|where|how|which|who|why|whose|in which|in what|on which|at which|was|is|were|are|did|do|does|have|has|had|can you|could you|would you)\b(?!.{{0,12}}\b(?:do|can|should|could|would) i (?:tell|say|talk|ask|stop|not|keep|kill|die|end)).{{0,80}}\b{_SAID}\b|(?:show me|find|search|summari[sz]e|remind me|compare|list|look up|look for|tell me (?:what|when|again|about)|give me|pull up|quote|bring up|go back to)\b.{{0,80}}\b{_SAID}\b)"
    r"|\b(?:what|where|when|how|the (?:bit|part|time|moment|session)s? (?:where|when|in which)) (?:i|we|she|he|my therapist) (?:\w+ )?(?:said|talked|told|mentioned|discussed|described|brought|agreed|spoke)\b"
)
FIRST_PERSON = re.compile(r"\b(?:i|i'm|i've|i'll|i'd|myself|my|me|us)\b")
# Somebody speaks of their own state beside others.
OWN_STATE = re.compile(
    r"\b(?:i'm|i am|i feel|i've been|i have been|i keep|i get|on my mind|in my head|my (?:own|thoughts|plan)|makes me|i (?:really |just |still )?want)\b"
    r"(?! (?:so |really |very )?(?:worried|scared|afraid|frightened|concerned|sure|reading|watching|studying|him|her|them|to (?:help|support|tell|know|ask|talk)))"
)
# A wish of this moment beside a question or a story.
FIRM = re.compile(
    r"(?:,|\band\b|\bbecause\b|\bso\b|\bnow\b|\btell (?:\w+ ){1,3}(?:that )?) ?i(?:'m| am)? (?:really |still |just )*(?:want|need|going|plan|planning) to (?:die|kill|end|hurt|cut)"
)
CONDITIONS = {"past": PAST, "others": OTHERS, "worry": WORRY, "story": STORY, "session": SESSION}


def conditions(sentence: str) -> frozenset[str]:
    """Return which conditions hold in a sentence: past, others, worry, story, session, and present."""
    found = {name for name, rule in CONDITIONS.items() if rule.search(sentence)}
    return frozenset(found | {"present"} if PRESENT.search(sentence) else found)
