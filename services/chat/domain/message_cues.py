# ruff: noqa: E501 - a cue is read on one line
"""Cues of a message's kind: plain rules whose answers (0 or 1) the trained head weighs beside the sentence vector."""

import re

from services.chat.domain.plain_text import plain

_SESSIONS = r"(?:sessions?|appointments?|meetings?|therapy)"
_THERAPIST = r"(?:therapist|counsell?or|psychologist|she|he|they)"
CUES: tuple[tuple[str, str], ...] = (
    (
        "greets",
        r"^(?:hi+|hey+|hello+|hiya|yo|g'?day|good (?:morning|afternoon|evening)|morning|evening|afternoon|greetings)\b",
    ),
    (
        "only_greets",
        r"^(?:hi+|hey+|hello+|hiya|yo|g'?day|good (?:morning|afternoon|evening)|morning|evening|howdy|test|testing|anyone there)[\s!.,?]*(?:there|again|you|everyone|all)?[\s!.,?]*$",
    ),
    (
        "thanks",
        r"\b(?:thank(?:s| you)?|thx|ty(?:sm)?|cheers|ta|appreciate|grateful|much obliged|you'?ve been (?:a )?help)\b",
    ),
    ("goodbye", r"\b(?:bye|good ?night|see (?:you|ya)|that'?s all|all for now)\b"),
    (
        "are_you",
        r"\b(?:are|r|do|can|could|will|did|would) (?:you|u|this|it) (?:an? |the |even |really |always )*(?:real|human|person|robot|bot|ai|machine|program|computer|therapist|doctor|somebody|someone|there|chatgpt|have feelings|remember|make (?:things|stuff)|give (?:me )?advice|listen|understand|know what|work|speak to|see me|hear me|learn|sleep|get tired)",
    ),
    (
        "who_are_you",
        r"\b(?:who|what) (?:are|r|is|'?s) (?:you|u|this|it)\b|\b(?:who|how) (?:made|built|do (?:you|u)|does (?:this|it)) ?(?:you|u|work)?|\bwhat (?:can|could|do|sort of things|kind of things|should) (?:you|u|i) (?:do|ask|know|help|say|for)|\b(?:your|ur|yr) name\b|\bis (?:this|it|there) (?:an? )?(?:ai|bot|robot|human|person|replacement)",
    ),
    ("addresses_you", r"\b(?:you|u|your|ur)\b"),
    (
        "privacy",
        r"\b(?:privacy|private|confidential|secure|safe here|encrypt\w*|delete|erase|remove|withdraw|consent|recorded|recording|recordings|transcri\w+|stored?|keep my|kept|data|gdpr|hipaa|leak\w*|hack\w*|who (?:else )?(?:can|could|will|gets|has|sees?|reads?)|(?:can|could|will|does|do) (?:anyone|anybody|someone|others?|my \w+|the \w+|police|\w+) (?:\w+ )?(?:see|read|hear|listen|access|get (?:hold|at)|find out)|shared? (?:with|my)|tell my|pass (?:it |this |that |something )?on|train\w*|employer|insurance)\b",
    ),
    (
        "medicine",
        r"\b(?:medic\w+|meds?|pills?|tablets?|dos(?:e|age|es)|mg|milligrams?|sertraline|prozac|fluoxetine|citalopram|escitalopram|lithium|zoloft|lexapro|xanax|valium|diazepam|ssris?|antidepress\w+|anti-?depress\w+|beta ?blockers?|propranolol|melatonin|prescri\w+|side effects?|tapers?|wean|come off)\b",
    ),
    (
        "diagnosis",
        r"\b(?:diagnos\w+|depress(?:ed|ion)|bipolar|adhd|ptsd|ocd|autis\w+|borderline|narciss\w+|psychotic|schizo\w+|disorder|breakdown|burn(?:ed|t)? ?out|symptoms?|mentally ill|panic attacks? or|is (?:this|it) normal|what'?s wrong with me)\b",
    ),
    ("am_i", r"\b(?:am i|do i have|have i got|could i (?:have|be)|i'?ve got|would you say i)\b"),
    (
        "should_i",
        r"\b(?:should i|shall i|ought i|do i (?:tell|leave|go|say|call|text|quit|stay|break|take|need to)|what (?:should|do|would|shall|can) (?:i|you) (?:do|say|tell|think|advise|suggest|recommend)|how (?:do|should|can|would) i (?:\w+ )?(?:stop|tell|deal|cope|handle|get|know|make|ask|say|start|talk)|would you (?:leave|stay|tell|go|lend|take|do)|is it (?:ok|okay|wrong|right|normal|a good idea|too)|was i (?:wrong|right)|what'?s the best|any (?:tips|advice|ideas)|help me (?:write|decide|choose|with)|advice)\b",
    ),
    ("should_start", r"^(?:so |but |and |ok(?:ay)?,? )*(?:should|shall|ought|would you)\b"),
    (
        "others",
        r"\b(?:other|another|else'?s?|someone|somebody|anyone|anybody|everyone|everybody|most|next|previous|before me|after me|comes after|comes before)\b",
    ),
    (
        "patients",
        r"\b(?:patients?|clients?|people (?:here|like me|in)|cases?|the (?:man|woman|guy|girl|person|group)|people's|person's)\b",
    ),
    (
        "others_sessions",
        r"\b(?:my )?(?:\w+'s?|husbands?|wifes?|partners?|sisters?|brothers?|mothers?|mums?|moms?|dads?|fathers?|friends?|boss'?s?|exs?|flatmates?|daughters?|sons?|her|his|their) (?:last |own |therapy )?(?:sessions?|therap(?:y|ist)|notes|records?|recordings?|account|file|homework|transcripts?|counsell?or|diagnosis|appointments?)\b",
    ),
    ("show_record", r"\b(?:show|open|pull up|let me see|give me|read me|look up|find|access|check)\b"),
    (
        "summary",
        r"\b(?:summar\w+|sum (?:it |me |that |this )?up|overview|recap|round ?up|run ?down|gist|main (?:topics?|themes?|points?|things?)|big picture|highlights|themes?|patterns?|outline|key (?:points|things)|in (?:a )?(?:short|nutshell|brief)|brief me|bring me up to|catch me up|walk me through|so far|story)\b",
    ),
    (
        "progress",
        r"\b(?:progress|how (?:am|have) i (?:doing|done|been doing)|how far|getting (?:better|anywhere)|how (?:has|have|is|did|'s) (?:\w+ ){1,3}(?:going|gone|been|go|come along)|over the (?:months|weeks|year))\b",
    ),
    (
        "talked_about",
        rf"\bwhat (?:did|have|do|were|are) (?:we|i|us) (?:\w+ )?(?:talk|talked|discuss|discussed|cover|covered|work|worked|working|speak|spoken|go over|gone over|chat|deal)\b|\bwhat (?:was|were) (?:my |the |our |that )?(?:last |first )?{_SESSIONS}? ?(?:about|on)\b|\bwhat (?:came up|happened)\b.*\b{_SESSIONS}\b",
    ),
    (
        "homework_word",
        r"\b(?:home ?works?|assignments?|exercises?|tasks?|to[- ]?dos?|practi[cs]e|practi[cs]ing|between (?:now|sessions)|technique)\b",
    ),
    (
        "set_me",
        rf"\b(?:{_THERAPIST}|my \w+) (?:\w+ )?(?:set|sets|give|gave|given|ask(?:ed)?|want(?:ed)?|tell|told|suggest(?:ed)?|get|got|have|had) me (?:to|for|on|at|something|any|do|try|going)\b|\bset me\b|\b(?:was|were|been|am|are) (?:i|we) (?:\w+ )?(?:set|given|asked|meant|supposed|told|going|down|due)\b|\bi(?:'?m| am| was|'?ve been) (?:\w+ )?(?:set|given|asked|meant|supposed) (?:to|for)\b|\b(?:meant|supposed|expected) to (?:be )?(?:do|doing|try|trying|write|practi|work|get done|have done|bring)",
    ),
    (
        "agreed",
        r"\b(?:agree[ds]?|settle[ds]? on|promise[ds]?|commit(?:ted)?|sign(?:ed)? up|said i(?:'?d| would)|plan(?:ned)?|the deal|going to (?:try|do|ask|tell|call|write))\b",
    ),
    (
        "did_i_do",
        r"\b(?:did|have) i (?:\w+ )?(?:do|done|manage[d]?|finish(?:ed)?|keep|kept|complete[d]?|report|try|tried|send|sent|write|written|ring|rung|call(?:ed)?|stick|stuck|actually)\b",
    ),
    (
        "still",
        r"\b(?:still|any ?more|these days|nowadays|at the (?:moment|minute)|at present|current(?:ly)?|right now|now|latest|as (?:it|things) stands?|present|end up|in the end|by now|at this point|lately|up to date)\b",
    ),
    (
        "ever",
        r"\b(?:ever|never|at any point|at some point|come up|came up|mention(?:ed)?|bring up|brought up|any talk)\b",
    ),
    ("did_start", r"^(?:so |and |but |ok(?:ay)?,? )*(?:did|have|has|was|were|had|is|are|do|does)\b"),
    (
        "compares",
        r"\b(?:compar\w+|differen(?:ce|t|tly)|better|worse|more|less|fewer|changed?|improv\w+|versus|vs|than|used to|before and after|then and now|since (?:then|the start|i started)|from .{2,20} (?:to|until) (?:now|\w+)|at the (?:start|beginning)|gone (?:up|down)|same as|increase[d]?|decrease[d]?|further along)\b",
    ),
    ("who", r"\b(?:who|whom|whose|who'?s)\b"),
    (
        "when",
        r"\b(?:when|what (?:day|date|time|month|year|number)|which (?:session|day|date|week|month)|how (?:long|many|much|often|old|high|far))\b",
    ),
    (
        "what_detail",
        r"\b(?:what (?:exactly |did |was |were |is |'s |do )|what'?s|where|why|which|what (?:colou?r|name|kind|sort|word|song|book))\b",
    ),
    (
        "points_back",
        r"\b(?:that|those|it|this|these|one|there|then|the other|them|him|her|again|more|else|rest|same (?:question|thing)|before that|after that|next)\b",
    ),
    (
        "short_follow",
        r"^(?:and|but|so|ok(?:ay)?|what about|how about|why|really|when|where|go on|tell me more|more|which|the other|same)\b.{0,40}$",
    ),
    ("and_start", r"^(?:and|but|then|also|what about|how about|ok and|or)\b"),
    (
        "i_feel",
        r"\b(?:i(?:'?m| am| feel| felt|'?ve been|'?m feeling)|feeling|today (?:was|is|has been)|it'?s been|everything|so (?:tired|sad|angry|lonely|happy|anxious))\b",
    ),
    (
        "emotion",
        r"\b(?:sad|lonely|alone|tired|exhausted|anxious|nervous|scared|afraid|angry|furious|hurt|ashamed|guilty|empty|numb|low|down|awful|terrible|horrible|rough|hard|happy|proud|hopeful|relieved|glad|overwhelmed|stressed|upset|heartbroken|cry(?:ing)?|tears|lost|stuck|hopeless|rubbish|bad day|good day|great|worried|panick\w+|miss (?:him|her|them|my))\b",
    ),
    (
        "asks",
        r"\?|^(?:\w+ )?(?:who|what|when|where|why|how|which|did|do|does|is|are|was|were|can|could|will|would|should|have|has|am|whats|whos|hows|wheres|tell|show|list|remind|give|sum)\b",
    ),
    ("my_therapist", rf"\b(?:my|the) therapist\b|\b{_THERAPIST} (?:say|said|tell|told|suggest|think|mention|ask)"),
    ("sessions", rf"\b{_SESSIONS}\b"),
    (
        "medicine_fact",
        r"\b(?:what (?:did|was|does)|when|who|how much) .{0,40}\b(?:said|say|told|tell|mention\w*|prescri\w+|my dose|am i on|was i on)\b",
    ),
    (
        "not_english",
        r"\b(?:que|qué|como|cómo|cuando|cuándo|gracias|hola|por favor|mi|mis|tarea|sesi[oó]n|puedes|sobre|bonjour|merci|est-ce|quoi|quel(?:le)?s?|avec|mes|mon|dernière|pourquoi|je|der|die|das|ich|nicht|was|wie|meine?|letzten?|hallo|danke|bitte|habe|wir|und|oggi|ciao|grazie|cosa|come|della|mia|mio|obrigad[oa]|ol[aá]|voc[eê]|minha|meu|n[aã]o|sess[aã]o|cze[sś][cć]|dzi[eę]kuj[eę]|jak|czy|moje|moja|jest|hej|tack|jag|mitt|hvad|jeg|het|een|ik|mijn|wat|bana|nas[iı]l|ne)\b",
    ),
    (
        "not_latin",
        r"[\u0370-\u03ff\u0400-\u04ff\u0590-\u06ff\u0900-\u0dff\u0e00-\u0e7f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]",
    ),
    ("accents", r"[àâäáãåçéèêëíìîïñóòôöõúùûüßłśżźćęąőűğışžčřýðþæø¿¡]"),
)
_COMPILED = tuple(re.compile(rule, re.IGNORECASE) for _, rule in CUES)
_SHORT_WORDS, _MEDIUM_WORDS = 3, 7


def cues(message: str) -> tuple[float, ...]:
    """Return 1 for each cue that the message gives, in the order of CUES, and its length in three steps."""
    text, words = plain(message), len(message.split())
    lengths = (words <= _SHORT_WORDS, _SHORT_WORDS < words <= _MEDIUM_WORDS, words > _MEDIUM_WORDS)
    found = (
        bool(rule.search(message) if index >= _RAW_FROM else rule.search(text)) for index, rule in enumerate(_COMPILED)
    )
    return tuple(float(one) for one in (*found, *lengths))


# Scripts and accents are read before they are folded.
_RAW_FROM = len(CUES) - 2
