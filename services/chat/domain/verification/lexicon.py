"""The words that verification knows: what carries no claim, what negates, what is only thought of, who is who."""

from services.chat.domain.words import stem

_IRREGULAR = {
    form: base
    for base, forms in {
        "drive": "drove driven", "say": "said", "tell": "told", "think": "thought", "go": "went gone goes",
        "do": "did done does", "get": "got gotten", "give": "gave given", "make": "made", "know": "knew known",
        "see": "saw seen", "find": "found", "begin": "began begun", "speak": "spoke spoken", "sit": "sat",
        "stand": "stood", "hold": "held", "hang": "hung", "hear": "heard", "ride": "rode ridden", "ring": "rang rung",
        "send": "sent", "spend": "spent", "catch": "caught", "choose": "chose chosen", "break": "broke broken",
        "build": "built", "dream": "dreamt", "draw": "drew drawn", "fly": "flew flown", "forget": "forgot forgotten",
        "freeze": "froze frozen", "hide": "hid hidden", "lay": "laid", "lie": "lying lied", "lead": "led",
        "lend": "lent", "pay": "paid", "rise": "rose risen", "shake": "shook shaken", "sing": "sang sung",
        "steal": "stole stolen", "stick": "stuck", "sting": "stung", "swear": "swore sworn", "throw": "threw thrown",
        "tear": "tore torn", "understand": "understood", "win": "won", "wear": "wore worn", "cry": "cried cries",
        "try": "tried tries", "worry": "worried worries", "carry": "carried", "marry": "married", "panic": "panicked",
        "stop": "stopped", "die": "died dying", "tie": "tying tied", "sleep": "slept asleep",
        "wake": "woke woken awake",
        "feel": "felt", "leave": "left", "lose": "lost", "keep": "kept", "meet": "met", "fall": "fell fallen",
        "child": "children kid kids", "mother": "mom mum mam mummy", "father": "dad daddy", "woman": "women",
        "man": "men", "phone": "telephone", "have": "has had", "be": "is are was were been am being",
        "milligram": "mg milligrams", "percent": "%", "want": "wanted wants", "grandmother": "grandma gran nan nana",
        "grandfather": "grandpa granddad", "doctor": "dr gp", "television": "tv telly",
    }.items()
    for form in forms.split()
}  # fmt: skip


def lemma(word: str) -> str:
    """Return the base that the inflections of a lower-case word share."""
    return stem(_IRREGULAR.get(word, word)) if word not in _KEPT else word


def _lemmas(text: str) -> frozenset[str]:
    return frozenset(lemma(word) for word in text.split())


# Words whose inflection changes the claim.
_KEPT = frozenset("better best worse worst more less most least later earlier others does before once may".split())  # noqa: SIM905

# They claim nothing by themselves.
FUNCTION = frozenset(
    """a an the and or as at by for from in into of on onto to up out over off with about around through than that this
    these those there here it its itself i me my mine myself we us our ours you your yours yourself he him his
    himself she
    her hers herself they them their theirs themselves who whom whose which what where why how be am is are was were
    been
    being have has had having do does did doing so too very quite really just also even already yet ever would could
    should can will shall may might must if whether when while though although but because since's not no nor own such
    some any each both such back away down along across oh ok okay yeah yes well hello hi please thanks thank
    'd let um ought dr mr mrs ms uh er then now's one's s t re ve ll d m o's across per via s""".split()  # noqa: SIM905
)
# What a report of a conversation is made of; it need not stand in the quote.
NEUTRAL = _lemmas(
    """said tell told talk mention describe explain share note report recall remember admit add bring speak discuss
    observe notice reply answer confirm comment reflect ask wonder suggest recommend propose encourage advise invite
    give set assign offer remind agree decide plan promise commit acknowledge point express session therapist
    conversation thing something anything everything way kind bit lot part able feel feeling find seem happen manage
    become go come make do use get have be homework exercise task situation experience example idea really mainly
    specifically especially particularly while during involve include order like sound mean moment sense both together
    try goal want think believe right someone somebody person people called named as though place time"""
)
NEGATORS = frozenset("not no never none nobody nothing nowhere neither nor without hardly barely unable cannot".split())  # noqa: SIM905
UNREAL = frozenset(
    """might may maybe perhaps if whether would could should will shall wish hope hoping want wanted wants plan planned
    planning intend intended wonder wondering wondered need needs must ought supposed almost nearly pretend dream dreamt
    dreamed imagine probably possibly unless 'd going gonna worried afraid scared fear feared try trying promised agreed
    decided thinking considering hoped hopes plans like-to until would-be can ready want-to meant gotta""".split()  # noqa: SIM905
)
CAUSES = frozenset("because due cause caused causes causing reason why".split())  # noqa: SIM905
DIRECTIVES = frozenset(
    """try could can would let how what want like suggest homework exercise practice maybe might should please see idea
    need once write notice take keep bring do use pick choose start set put call read make go say add count log rate
    track plan tell send list breathe walk before when every each twice until give jot""".split()  # noqa: SIM905
)
KIN = frozenset(
    lemma(word)
    for word in """mother father sister brother wife husband partner girlfriend boyfriend son daughter child boss
    manager
    friend doctor physio aunt uncle cousin grandmother grandfather colleague neighbour neighbor ex niece nephew landlord
    teacher nurse psychiatrist supervisor director parent sibling spouse roommate flatmate coworker stepfather
    stepmother
    stepson stepdaughter midwife""".split()  # noqa: SIM905
)
_HIM = _lemmas("father brother husband boyfriend son uncle grandfather nephew stepfather stepson")
_HER = _lemmas("mother sister wife girlfriend daughter aunt grandmother niece stepmother stepdaughter midwife")


def may_be(pronoun: str, kin: str) -> bool:
    """Return True if `he`, `she` or `they` may stand for a relative."""
    return pronoun == "they" or kin not in (_HER if pronoun == "he" else _HIM)


def _groups(*groups: str) -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for group in groups:
        members = {lemma(word) for word in group.split()}
        for one in members:
            table.setdefault(one, set()).update(members)
    return {one: frozenset(others) for one, others in table.items()}


# They may come neither from nowhere nor from the words around a quote.
FEELINGS = _lemmas(
    """sad happy angry anxious nervous afraid scared frightened terrified ashamed guilty lonely jealous hopeless
    worthless
    betrayed humiliated furious abandoned depressed relieved proud embarrassed upset hurt disappointed frustrated
    bored calm
    tired exhausted overwhelmed panicky numb cross worried stressed confused grateful excited empty resentful bitter
    hate
    love miss regret cry fear shame guilt anger grief panic"""
)
# What a report may add for the sake of the sentence.
PLAIN = _lemmas(
    "live count rate learn hear own mark remain state refer regard concern call spend experience total both"
)
# Stricter than the synonyms of the search: each may stand for the other in a report without changing what is claimed.
_SAME = _groups(
    "anxious anxiety nervous", "worry worried concern concerned", "afraid scared frightened fear",
    "argue argument row fight quarrel",
    "car vehicle", "flat apartment", "house home", "job work", "boss manager", "start begin", "stop quit",
    "big large huge", "small little tiny", "phone call ring", "text message", "hard difficult tough", "sad unhappy",
    "happy glad pleased", "angry cross mad furious", "tired exhausted knackered", "tablet pill", "holiday vacation",
    "notebook journal diary", "log record", "sure certain know", "usually normally", "often frequently lot",
    "lovely nice",
    "terrible awful horrible", "talk speak", "easy easier easily", "think believe", "see visit",
    "shop store supermarket",
    "wedding marriage", "buy purchase", "finish end", "attempt try", "choose pick", "write jot", "enjoy like",
    "hurt pain",
    "drink drank", "fall drop", "toilet loo bathroom", "almost nearly", "about around approximately roughly",
    "whole entire all",
    "accident crash", "party do", "every each daily", "twice two", "once one", "return back", "quiet silent",
    "relieved relief",
    "attack panic", "late later", "maybe perhaps might", "film movie", "bad badly", "feel felt", "unable cannot",
    "picture photo", "practice practise", "help helped helpful", "mother mum", "wife spouse", "husband spouse",
    "number count", "weird strange odd", "stay remain", "alone own", "shout yell", "sofa couch", "child kid",
    "need require", "ask request", "receive get", "live stay", "die death", "evening night tonight", "tell say",
    "get receive become",
    "ashamed shame", "guilty guilt", "depressed depression", "lonely loneliness alone", "sick ill nauseous",
    "dizzy dizziness",
    "struggle hard difficult", "discover find", "remain still", "continue keep still", "prefer rather",
)  # fmt: skip
# A report may name the kind of a thing, never one thing for another of its kind.
_KIND_OF = {
    lemma(kind): _lemmas(members)
    for kind, members in {
        "pet": "dog cat rabbit", "relative": "sister brother mother father aunt uncle cousin",
        "sibling": "sister brother",
        "parent": "mother father", "child": "son daughter", "alcohol": "wine beer vodka gin whisky",
        "drink": "wine beer coffee tea",
        "medication": "tablet pill sertraline fluoxetine citalopram bupropion lisinopril drug medicine prescription",
        "doctor": "psychiatrist physician", "colleague": "coworker", "technique": "breathe exercise",
        "meal": "dinner lunch breakfast",
        "exercise": "breathe walk practice technique log list", "instrument": "guitar piano trumpet",
        "feeling": "sad angry anxious",
        "partner": "wife husband girlfriend boyfriend", "body": "chest shoulder stomach hand heart",
        "travel": "drive train fly bus",
        "music": "song guitar piano trumpet",
    }.items()
}  # fmt: skip


def means(said: str, quoted: str) -> bool:
    """Return True if a lemma of a report may stand for a lemma of its quote."""
    return said == quoted or quoted in _SAME.get(said, frozenset()) or quoted in _KIND_OF.get(said, frozenset())
