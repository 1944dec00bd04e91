# ruff: noqa: E501 - a rule is read on one line
"""Detects a crisis in a message before any other check: its level and its kind, by rules.

Rules work with every dependency down, and each one can be read, tested and reviewed; the trained head (crisis_head.py)
is heard beside them. Figures of speech ("this deadline is killing me") must not match.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from services.chat.domain.crisis import kinds as crisis_kinds
from services.chat.domain.crisis import languages as crisis_languages
from services.chat.domain.crisis import rules as crisis_rules
from services.chat.domain.crisis import soft as crisis_soft
from services.chat.domain.crisis import stems as crisis_stems
from services.chat.domain.crisis import wider as crisis_wider
from services.chat.domain.crisis.context import FIRM, FIRST_PERSON, OWN_STATE, conditions
from services.chat.domain.crisis.spelling import mended
from services.chat.domain.crisis.stems import near
from services.chat.domain.plain_text import undisguised


class Level(StrEnum):
    """How sure the check is: `explicit` gets the fixed text at once, `possible` a caring line with the answer."""

    EXPLICIT = "explicit"
    POSSIBLE = "possible"


class Kind(StrEnum):
    """What the crisis is about."""

    SELF_HARM = "self_harm"
    HARM_TO_OTHERS = "harm_to_others"
    ABUSE = "abuse"
    CHILD_IN_DANGER = "child_in_danger"
    MEDICAL_EMERGENCY = "medical_emergency"


@dataclass(frozen=True)
class Concern:
    """The level and the kind of a crisis."""

    level: Level
    kind: Kind


_ME = r"(?:i|i'?m|i am|i'?ve|i have|i'?ll|i'?d)"
_SELF = r"(?:my ?self|me self)"
_KIN = (
    r"(?:my|his|her|their|our|the|a|an) (?:\w+ )?(?:brother|sister|mother|mom|mum|father|dad|friend|uncle|aunt|cousin|"
    r"son|daughter|husband|wife|partner|ex|boyfriend|girlfriend|colleague|neighbou?r|classmate|patient|client|"
    r"roommate|boss|singer|actor|character|hero)"
)

_EXPLICIT = (
    rf"\b(?:kill|killing|end|ending|hang|hanging|shoot|shooting|drown|drowning|stab|stabbing|unalive|unaliving|poison|off|offing) ?{_SELF}\b"
    r"(?! in the foot)",
    rf"\b(?:hurt|hurting|harm|harming|cut|cutting|burn|burning) ?{_SELF}\b"
    r"(?! (?:shaving|cooking|while|when|at (?:the )?(?:gym|work|practice)|running|lifting|playing|on (?:a|the)|out|off|some slack|a break))",
    r"\bself[ -]?(?:harm|injur)\w*",
    r"\b(?:sui ?cid(?:e|al|ally)|sewerslide|kms|unaliv(?:e|ing))\b",
    r"\b(?:end|ending|take|taking) my (?:own )?life\b",
    r"\bend(?:ing)? it all\b",
    rf"\b{_ME} (?:\w+ ){{0,3}}?(?:want|wanted|wanna|going|gonna|ready|deserve|hope|plan|planning|need|prefer|rather|just)"
    r"(?: to)? (?:just )?(?:die|be dead|disappear forever|stop existing|not exist)\b(?! (?:of|from|laughing|in peace one day|on that hill))",
    r"\bwish(?:ed|ing)? (?:that )?(?:i (?:was|were|could be|had been) dead|i(?:'d| had)? (?:was |were )?never (?:been )?born|"
    r"i (?:could|would) (?:just )?(?:die|not wake up|never wake up)|i didn'?t (?:exist|wake up)|i wouldn'?t wake up)",
    r"\bbetter off (?:if i (?:was|were|am) (?:dead|gone)|dead|without me)\b",
    r"\b(?:don'?t|do not|didn'?t|no longer|never) (?:really |even )?want to (?:live|be alive|exist|wake up|be here any ?more|be on this earth|go on living)\b",
    r"\b(?:no|any) (?:reason|point|will)(?: left)? (?:to|in|for me to) (?:live|living|keep living|go on|going on|stay alive|being alive)\b",
    r"\b(?:slit|cut|slitting|cutting) my (?:wrists?|throat|veins)\b",
    rf"\b{_ME} (?:\w+ ){{0,4}}?(?:overdos(?:e|ed|ing)(?! on (?:chocolate|coffee|caffeine|sugar|cake|candy|sweets|tv|news|netflix|sun|work))|took (?:all|the whole bottle|a whole bottle)|swallowed (?:all|the whole|a whole|a bottle))\b",
    r"\b(?:jump(?:ing)?|throw(?:ing)? (?:my ?self)|step(?:ping)?) (?:off (?:a|the|that|this) (?:bridge|roof|building|balcony|cliff|overpass)|in front of (?:a|the) (?:train|bus|car|truck))",
    r"\bput a (?:gun|bullet) (?:to|in|through) my (?:head|mouth)\b",
    rf"\b{_ME} (?:\w+ ){{0,3}}?(?:going to|gonna|want to|wanna|will|about to) (?:seriously )?(?:kill|hurt|shoot|stab|strangle)"
    r" (?:someone|somebody|people|everyone|my (?:baby|child|children|kids|son|daughter|wife|husband|partner|parents))\b",
    r"\bthoughts of (?:dying|ending|death|killing)\b",
    r"\b(?:don'?t|do not|didn'?t|doesn'?t feel like i) deserve (?:to (?:live|be alive|exist|be here)|life|this life)\b(?! (?:in|with|at|on|next))",
    r"\b(?:only )?way out (?:of (?:this|it|here) )?(?:is|would be|seems to be) (?:death|dying|to die|to end|ending)\b",
    r"\bi'?m (?:just |finally )?ending it(?: all| now| tonight)?\s*(?:[.!,]|$)",
    r"\bbetter off not (?:being|living|existing|here|alive)\b",
    r"\bend(?:ing)? (?:things|everything) (?:tonight|now|today|soon|for good|forever|myself|once and for all)\b",
    r"\b(?:ways?|how) (?:to|of|i (?:could|can|would)) (?:end(?:ing)? it\b|die\b|dying\b|kill(?:ing)? (?:my ?self)|end(?:ing)? (?:my life|everything))",
    r"\b(?:urges?|impulses?) to (?:cut|hurt|harm|jump|die|kill|stab|strangle|burn)\b(?! (?:costs|the grass|back on))",
    r"\b(?:cut|cutting|slashed|slashing|burned|burning) my (?:arms?|legs?|thighs?|skin|stomach|forearms?)\b(?! (?:on|at|in|shaving|while|by accident|against))",
    r"\bi (?:just )?(?:want|need)(?:ed)? to (?:cut|bleed(?: out)?)\s*(?:[.!]|again|so bad\w*|$)",
    r"\bvoices?\b.{0,30}\b(?:tell\w*|say\w*|want\w*|order\w*)\b.{0,15}\b(?:to )?(?:kill|hurt|die|harm|jump)\b",
    r"\b(?:took|take|taking|swallow(?:ed|ing)?) (?:\d{2,}|twenty|thirty|forty|fifty|a hundred|too many|a handful of|a (?:whole )?(?:bottle|box|pack) of|(?:all|the rest) of (?:my|the|these)) (?:\w+ ){0,2}(?:pills|tablets|meds|medication|capsules)\b(?! (?:as prescribed|this week|on time|every|for (?:the|my)))",
)

_INDIRECT = (
    r"\b(?:bridges?|buildings?|cliffs?|roofs?|rooftops?|overpass\w*)\b.{0,40}\b(?:taller|higher|tallest|highest|more) ?(?:than|near|around|in|over)?\b.{0,20}(?:\d|meters?|metres?|feet|ft\b|near me)",
    r"\b(?:how (?:high|tall) (?:is|are)|where (?:is|are|can i find)|which (?:is|are)|find|what (?:is|are))\b.{0,30}\b(?:tallest|highest) (?:bridge|building|cliff|rooftop|overpass)\w*\b(?!.{0,20}\bin the world)",
    r"\blife (?:is(?:n'?t| not)|ain'?t|no longer is|wasn'?t) worth (?:living|it)\b|\bnot worth living\b",
    r"\b(?:what if|wish|hope|imagine|pray)\b.{0,20}\bi (?:just |simply )?(?:never|didn'?t|don'?t) (?:ever )?(?:woke|wake) up\b",
    r"\b(?:scared|afraid|frightened|terrified) (?:of|about) (?:what i (?:might|could|may|will) do(?: to myself)?\b(?! (?:if i (?:eat|drink|see))|with)|myself tonight|being alone with myself)",
    r"\b(?:driv(?:e|ing)|crash(?:ing)?|steer(?:ing)?|swerv(?:e|ing)) (?:my |the |our )?(?:car |truck |bike )?(?:into|off) (?:a |the |an )?(?:tree|wall|bridge|cliff|traffic|oncoming|pole|truck|river|lake)",
    r"\bgood ?bye (?:forever|for ever|for good|world|cruel world)\b",
    r"\bi know (?:exactly )?(?:how|where|when) i(?:'?ll| will| would|'?d| am going to|'?m going to) (?:do it|end it|go)\b",
    r"\b(?:bought|got|have|found|tied|made) (?:a |the |my )?(?:rope|noose|gun|pistol|razor ?blades?|blade)\b.{0,60}\b(?:do it|end|over|ready|tonight|alive|myself|courage|goodbye|no one|nobody|anymore|any more)\b",
    r"\b(?:pills|gun|rope|knife|razor|blade)s?\b.{0,40}\b(?:courage|nerve|ready to|tonight is)\b",
    r"\bi want it (?:all )?to (?:be over|end|stop) (?:for good|forever|now|already)\b",
    r"\bhow (?:many|much) (?:\w+ ){1,4}?(?:would|does it take|do i (?:need|take)|to take|it takes|can i take|is|are)\b.{0,30}\b(?:die|dead|lethal|fatal|kill|overdose|too many|not wake up|never wake up)",
    r"\b(?:lethal|fatal|deadly|deadliest)\b.{0,30}\b(?:dose|amount|overdose|pills?|medications?|drugs?|combination)\b|\b(?:overdose|pills?|medications?|drugs?)\b.{0,30}\b(?:lethal|fatal|deadly|deadliest)\b",
    r"\b(?:relieved|glad|happy|grateful|not mind|wouldn'?t mind|wouldn'?t care|be ok(?:ay)?) if (?:a (?:bus|car|truck|train)|i (?:just )?(?:got|was|were|had|died|didn'?t))\b.{0,25}\b(?:hit|ran|run over|killed|die|died|accident|wake|cancer)\b",
    r"\bthink(?:ing)? (?:about|of) (?:death|dying|being dead) (?:all the time|every|constantly|a lot|all day|non ?stop|more and more)",
    r"\bif i (?:died|die|was dead|were dead|killed)\b.{0,40}\b(?:nobody|no ?one|who|anyone|everyone|they)\b",
    r"\b(?:imagin\w+|pictur\w+|plann\w+|dream\w*(?: of| about)) (?:my )?own (?:funeral|death|suicide)\b",
    r"\b(?:googl\w+|search\w+|look(?:ed|ing) up|read(?:ing)? about)\b.{0,30}\b(?:how many (?:\w+ )?(?:it takes|to take|i need)|lethal|overdos\w+|painless|ways to (?:die|end))",
    r"\bmy will and (?:a |my )?(?:last )?(?:note|letter)s?\b",
    r"\b(?:giv(?:e|ing|en)|gave) (?:away )?(?:all )?my (?:things|stuff|belongings)\b.{0,40}\b(?:won'?t|don'?t|will not|no longer) need\b",
    r"\btell (?:my \w+|them|everyone|her|him) (?:that )?i love(?:d)? (?:her|him|them|you)\b.{0,25}\bsorry\b",
    r"\b(?:living|life|being alive|existing) is (?:too|so) (?:painful|much to bear|unbearable)\b|\bwish (?:it|everything) (?:was|were) (?:all )?over\b",
    r"\bdone\b.{0,15}\btonight is the night\b",
    r"\b(?:is|are|standing|waiting) (?:outside|at (?:my|the|our) door|here|coming)? ?with a (?:knife|gun|weapon)\b",
    r"\bi (?:hit|shook|hurt|slapped|beat) my (?:son|daughter|baby|child|kids?|children)\b.{0,40}\b(?:again|afraid|scared|stop)\b",
    r"\bcares? (?:if|whether) i (?:live|die)\b",
    r"\b(?:what'?s|what is|where'?s|there'?s no|there is no|no|is there (?:a|any)) (?:the )?(?:point|sense) (?:of|in|to) (?:being alive|living|life|going on|staying alive|existing|it all any ?more)\b",
    r"\blife (?:has no|has lost (?:its|all)|is without|doesn'?t have any) (?:more )?(?:meaning|purpose|point|sense)\b|\b(?:my|this) life is (?:meaningless|pointless|over)\b",
    r"\b(?:i'?m|i am) (?:going to|gonna|about to|ready to) jump\s*(?:[.!]|now|off|tonight|$)",
    r"\b(?:i'?m|i am) (?:\w+ )?(?:at|on|by|near) (?:the|a) (?:bridge|roof(?:top)?|ledge|edge of (?:the|a) (?:bridge|roof|cliff|building)|(?:train|railway) tracks)\b",
    r"\b(?:nothing|nobody|no one) left (?:for me|to live for)\b",
    r"\b(?:disappear|vanish|go away|leave) and (?:never|not) (?:come back|return|be found)\b",
    r"\b(?:want|need) (?:the|this|my|all the|all this) (?:\w+ )?(?:pain|suffering) to (?:stop|end|be over|go away for good)\b|\bi just want (?:it|everything|all of it)(?: all)? to (?:stop|end|be over)\s*(?:[.!]|$)",
    r"\b(?:will|would|'ll|'d) be (?:ok(?:ay)?|all right|fine|better(?: off)?|happier) without me\b(?! (?:for|at|in|on|this|next|tonight|there))",
    r"\b(?:he|she|my (?:husband|wife|partner|boyfriend|girlfriend|ex|father|mother|dad|mom))(?:'s| is| has been)? (?:beats?|beating|hits?|hitting|chok(?:es|ed|ing)|strangl(?:es|ed|ing)|rap(?:es|ed|ing)) me\b",
    r"\b(?:afraid|scared|terrified|sure) (?:that )?(?:he|she|they)(?:'ll| will| is going to|'s going to| would| might) (?:kill|murder|really hurt) me\b",
    r"\b(?:painless|quick|easiest|quickest|least painful) way(?:s)? (?:to (?:die|go|end)|out)\b",
    r"\b(?:everyone|everybody|they|my (?:family|kids|children|wife|husband|parents|friends)|the world)(?: all| really)? (?:would|will|'d|'ll|d) (?:all |really |probably |just )?be (?:so much |far )?(?:better off|happier|fine|relieved) (?:without me|if i (?:was|were|am|weren'?t|wasn'?t|died|disappeared)|when i'?m gone)",
    r"\b(?:no ?one|nobody) (?:would|will|'d) (?:even |really )?(?:miss me(?! (?:at|in|on|there|for|if i (?:left|skip\w*) (?:early|the)))|care if i (?:died|was gone|were gone|disappeared)|notice if i (?:died|was gone|were gone|disappeared))",
    rf"\b{_ME} (?:won'?t|will not|am not going to|not going to|not gonna) be (?:around|here|alive)(?: for)? (?:much longer|any ?more|long|next (?:month|year)|by (?:then|the time|tomorrow|christmas))",
    r"\b(?:won'?t|will never|not going to) (?:have to worry about me|see me again|hear from me again|need me)\b",
    r"\b(?:after|once|when) i'?m (?:gone(?! (?:on|for|to|next|until|away|over|this))|dead)\b",
    r"\b(?:say|saying|said|wanted to say|come to say|writing) (?:my |our |the )?(?:final |last )?good ?byes?\b(?: (?:to everyone|to everybody|forever|for good|to all|before i)|[.!?,]?$)",
    r"\b(?:final|last) good ?byes?\b",
    r"\bthis (?:is|will be) (?:my|the) last (?:message|night|day|time (?:you|we|i'?ll))\b(?! (?:of|at))",
    r"\b(?:giving|given|gave|give) (?:away|out) (?:all )?(?:my|most of my|everything|all of my) ?(?:things|stuff|belongings|possessions|clothes|dog|cat|jewel\w*|savings|money|own|favou?rite \w+)\b",
    r"\b(?:giving|given|gave) (?:all )?my (?:things|stuff|belongings|possessions|dog|cat) away\b",
    r"\b(?:saving|saved|hoarding|stockpil\w+|collecting) (?:up )?(?:all )?(?:my |the )?(?:\w+ )?(?:pills|meds|medication|tablets)\b",
    r"\b(?:tired|sick|done|exhausted) (?:of|with) (?:living|being alive|life itself|existing|this life)\b(?! (?:with|in|at|on|near|out|next|alone|under|from|here in))",
    rf"\b{_ME} (?:just )?(?:can'?t|cannot|can not) (?:go on|keep going|keep living|live like this|live with this|do this any ?more|take it any ?more|take this any ?more)(?: any ?more| any longer)?\s*(?:[.!?]|$)",
    r"\b(?:don'?t|do not|can'?t|cannot) see (?:a|any) (?:way out|future|other way out|point any ?more|reason to (?:go on|continue))\b",
    r"\b(?:go|fall|went) (?:to sleep|asleep) (?:tonight )?and (?:just )?(?:never|not) wake up\b",
    r"\bnot wak(?:e|ing) up (?:tomorrow|again|any ?more|in the morning)\b",
    r"\b(?:i'?m|i am|just|being) (?:just |only |such |nothing but )?a (?:huge |terrible )?burden (?:to|on) (?:everyone|everybody|my|them|you all)\b",
    r"\b(?:put|putting|getting|got|get) (?:all )?my affairs in order\b(?!.{0,20}\b(?:move|moving|trip|surgery|wedding|retire\w*|holiday|vacation)\b)",
    r"\b(?:wrote|written|writing|write) (?:a |my )?(?:goodbye|suicide|farewell|last) (?:letter|note|message)s?\b",
    r"\bwants? to (?:kill|hurt|harm) (?:him|her|them)sel(?:f|ves)\b",
    r"\b(?:(?:he|she|my (?:husband|wife|partner|boyfriend|girlfriend|ex|father|mother|dad)) (?:\w+ )?(?:threatened|tried|is trying|keeps threatening) to (?:kill|strangle|choke) me|not safe (?:at home|tonight|with (?:him|her)))\b",
    r"\b(?:disappear|vanish|be gone) (?:forever|for good|from this world)\b",
    r"\beverything (?:would|will|could) be (?:over|quiet|easier) (?:soon|tonight|if i (?:was|were) (?:gone|dead|not here))",
)

# Phrases that are removed before matching: denials, other people's stories, and figures of speech.
_NOT_MEANT = (
    r"\b(?:not|isn'?t|wasn'?t|ain'?t|never|n't) (?:been |feeling |feel |ever |really |actively |at all )*suicidal\b",
    rf"\b(?:would|will|could|'d|'ll|did|have|had)(?: have)?(?: never|n'?t| not)(?: ever| actually| really)? (?:kill|hurt|harm|cut|hang) {_SELF}\b",
    rf"\b(?:don'?t|do not|didn'?t|never) (?:really |ever |actually )?(?:want|wanted|plan|intend)(?: to)? (?:die|(?:kill|hurt|harm|end) {_SELF}|end my life|end it all|be dead)\b",
    r"\b(?:no|without|never had|don'?t have|not having|haven'?t had)(?: any)? (?:thoughts? of (?:suicide|dying|death|self[ -]?harm|killing myself|ending)|suicidal (?:thoughts|ideas|plans)|self[ -]?harm)",
    r"\b(?:asks?|asked|asking)(?: me)?(?: \w+)? (?:if|whether|about)\b.{0,30}\bsuicid\w+(?: \w+){0,2}? (?:and|but) i (?:said|told \w+|answered) (?:no|i'?m not|i was not|i wasn'?t)\b",
    r"\b(?:took|take|taking) (?:all )?(?:of )?my (?:pills|tablets|meds|medication) (?:as prescribed|this week|today|on time|every|in the morning|regularly)\b",
    r"\bsuicide (?:squad|prevention|awareness|hotline|door|bomb\w*|mission|rates?)\b",
    rf"\b{_KIN}(?:'s|s')? (?:\w+ ){{0,4}}?(?:suicide|suicidal|killed (?:him|her|them)sel(?:f|ves))\b",
    r"\b(?:his|her|their) (?:\w+ )?suicide\b",
    r"\b(?:died|lost|dead) (?:\w+ ){0,4}?(?:by|to|from) suicide\b",
    r"\bso (?:embarrassed|ashamed|bored|hungry|tired of waiting|happy|excited|awkward|cringe) (?:that )?i (?:just )?(?:want|wanted|could|could have|would)(?: to)? die\b",
    rf"\b(?:cut|hurt|burn|burnt|burned) {_SELF} (?:on|with) (?:a |the |my )?(?:oven|stove|pan|paper|kitchen|glass|iron|can|tin|coffee|soup)\b",
    r"\bhow many (?:pills|tablets) (?:am i|do i) (?:supposed|have) to take\b",
)

_EXPLICIT_RULE = re.compile("|".join(_EXPLICIT))
_INDIRECT_RULE = re.compile("|".join(_INDIRECT))
_NOT_MEANT_RULE = re.compile("|".join((*_NOT_MEANT, *crisis_rules.NOT_MEANT, *crisis_wider.NOT_MEANT)))
# The kind that needs help soonest first: an overdose that was taken is an emergency before it is self-harm.
_RULES = tuple(
    (kind, stems, re.compile("|".join(rules), re.MULTILINE))
    for kind, stems, rules in (
        (Kind.MEDICAL_EMERGENCY, crisis_stems.MEDICAL, (*crisis_kinds.MEDICAL, *crisis_wider.MEDICAL)),
        (Kind.SELF_HARM, crisis_stems.SELF_HARM, (*crisis_rules.SELF_HARM, *crisis_wider.SELF_HARM)),
        (Kind.SELF_HARM, crisis_stems.MEANS, (*crisis_rules.MEANS, *crisis_wider.MEANS)),
        (Kind.CHILD_IN_DANGER, crisis_stems.CHILD, crisis_kinds.CHILD),
        (
            Kind.HARM_TO_OTHERS,
            crisis_stems.HARM_TO_OTHERS,
            (*crisis_kinds.HARM_TO_OTHERS, *crisis_wider.HARM_TO_OTHERS),
        ),
        (Kind.ABUSE, crisis_stems.ABUSE, (*crisis_kinds.ABUSE, *crisis_wider.ABUSE)),
        (Kind.SELF_HARM, crisis_stems.INDIRECT, crisis_rules.INDIRECT),
    )
)
_SOFT_RULES = tuple(
    (kind, stems, re.compile("|".join(rules), re.MULTILINE))
    for kind, stems, rules in (
        (Kind.MEDICAL_EMERGENCY, crisis_stems.MEDICAL, crisis_soft.MEDICAL),
        (Kind.SELF_HARM, crisis_stems.SOFT_SELF_HARM, crisis_soft.SELF_HARM),
        (Kind.CHILD_IN_DANGER, crisis_stems.SOFT_CHILD, crisis_soft.CHILD),
        (Kind.HARM_TO_OTHERS, crisis_stems.SOFT_HARM_TO_OTHERS, crisis_soft.HARM_TO_OTHERS),
        (Kind.ABUSE, crisis_stems.SOFT_ABUSE, crisis_soft.ABUSE),
    )
)
_MEANS_RULE = re.compile("|".join((*crisis_rules.MEANS, *crisis_wider.MEANS)))
_FOREIGN_RULES = tuple(
    (kind, re.compile("|".join(rules)))
    for kind, rules in (
        (Kind.MEDICAL_EMERGENCY, crisis_languages.MEDICAL),
        (Kind.SELF_HARM, (*crisis_languages.SELF_HARM, *crisis_wider.FOREIGN)),
        (Kind.HARM_TO_OTHERS, crisis_languages.OTHERS_HARM),
        (Kind.ABUSE, crisis_languages.ABUSE),
    )
)
# A child, or somebody who does not breathe, is the matter itself and no story about others.
_HITS_MAX = 3
# Of a longer message the softer rules read what was said last.
_SOFT_CHARS_MAX = 1_500
_OFTEN_ABOUT_OTHERS = frozenset((Kind.CHILD_IN_DANGER, Kind.MEDICAL_EMERGENCY))
_SENTENCE_END = re.compile(r"[.!?;\n]+|\bbut\b")


def assess(message: str) -> Concern | None:
    """Return the level and kind of the crisis in a message by rules alone, None without a sign of one."""
    found = [*_by_kinds(message), _by_old_rules(message), _in_other_languages(message)]
    return gravest([concern for concern in found if concern])


def names_means(message: str) -> bool:
    """Return whether a message names a means or a plan."""
    return bool(_MEANS_RULE.search(mended(message)))


def gravest(concerns: list[Concern]) -> Concern | None:
    """Return the first of the highest level, None of none."""
    return min(concerns, key=lambda concern: concern.level is Level.POSSIBLE, default=None)


def _by_old_rules(message: str) -> Concern | None:
    for reading in undisguised(message):
        text = _NOT_MEANT_RULE.sub(" ~ ", reading)
        hit = _EXPLICIT_RULE.search(text) or _INDIRECT_RULE.search(text)
        if hit:
            start = max((end.end() for end in _SENTENCE_END.finditer(text, 0, hit.start())), default=0)
            after = _SENTENCE_END.search(text, hit.end())
            concern = _weighed(Kind.SELF_HARM, hit[0], text[start : after.start() if after else None], text)
            if concern:
                return concern
    return None


def _by_kinds(message: str) -> list[Concern]:
    # A line is a sentence: no rule reaches over its end.
    text = _SENTENCE_END.sub("\n", _NOT_MEANT_RULE.sub(" ~ ", mended(message)))
    found: list[Concern] = []
    for kind, stems, rule in _RULES:
        for start, end in near(text, stems):
            hits = islice(rule.finditer(text, start, end), _HITS_MAX)
            found += [concern for hit in hits if (concern := _weighed(kind, hit[0], _line(text, hit), text))]
    return found or _possible(text[-_SOFT_CHARS_MAX:])


def _possible(text: str) -> list[Concern]:
    for kind, stems, rule in _SOFT_RULES:
        for start, end in near(text, stems):
            hit = rule.search(text, start, end)
            if hit and _weighed(kind, hit[0], _line(text, hit), text):
                return [Concern(Level.POSSIBLE, kind)]
    return []


def _line(text: str, hit: re.Match[str]) -> str:
    start, end = text.rfind("\n", 0, hit.start()) + 1, text.find("\n", hit.end())
    return text[start : end if end >= 0 else None].strip()


def _weighed(kind: Kind, hit: str, sentence: str, message: str) -> Concern | None:
    """Return the concern that the words of a rule are in their sentence and message."""
    here, around = conditions(sentence), conditions(message)
    # A child in danger and a medical emergency are mostly told of somebody else: that nobody says "I" holds nothing
    # back.
    own = bool(FIRST_PERSON.search(hit)) or kind in _OFTEN_ABOUT_OTHERS
    # Of others such a thing is a concern only while it lasts: what is over for them is told, not asked for help with.
    if kind in _OFTEN_ABOUT_OTHERS and "others" in here and "past" in here and not FIRST_PERSON.search(hit):
        return None
    # Whoever asks what was said in a session, or tells a story, repeats words without meaning them now.
    if ("session" in here or ("story" in here and not own)) and not FIRM.search(sentence):
        return None
    # Worry about somebody else is answered gently; help lines are for those around a person too.
    if not own and "others" in here and not OWN_STATE.search(sentence):
        return Concern(Level.POSSIBLE, kind) if "worry" in here and "past" not in here else None
    if "worry" in here and kind is Kind.CHILD_IN_DANGER and not FIRST_PERSON.search(hit):
        return Concern(Level.POSSIBLE, kind)
    # A word of the present anywhere limits the past to its own sentence: "I tried once, and today I want to again".
    # What is past stays possible and is never dropped, because it returns.
    past = "past" in (here if "present" in around else around) and "present" not in here
    return Concern(Level.POSSIBLE if past else Level.EXPLICIT, kind)


def _in_other_languages(message: str) -> Concern | None:
    text = crisis_languages.folded(message)
    parts = near(text, crisis_stems.FOREIGN)
    for kind, rule in _FOREIGN_RULES:
        if any(rule.search(text, *part) for part in parts):
            return Concern(Level.EXPLICIT, kind)
    written = message.casefold()
    said = any(phrase in written for phrase in crisis_languages.AS_WRITTEN)
    return Concern(Level.EXPLICIT, Kind.SELF_HARM) if said else None
