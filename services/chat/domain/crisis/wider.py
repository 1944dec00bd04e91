# ruff: noqa: E501 - a rule is read on one line
"""More ways of saying what rules.py, kinds.py and languages.py hear, and of not meaning it."""

SELF_HARM = (
    r"\b(?:want|wish|wishing|hope|hoping|pray|praying|long|longing|crave|craving|ready|beg|begging|asking|wait|waiting|choose|choosing|prefer) (?:for )?(?:my (?:own )?)?death\b(?! (?:in|of my|certificate))|\bi (?:really |just |so )?(?:hope|wish|pray) (?:that )?i (?:die|died|don't survive|would die|was never|were never)\b|\bshould(?:'ve| have)? (?:just )?(?:died|be dead|been dead)\b|\bwhy (?:can't|couldn't|didn't|don't|won't) i (?:just )?(?:die|be dead)\b|\bwhy am i (?:even )?(?:still |not )(?:alive|dead)\b",
    r"\b(?:like|love|prefer|better|easier) to (?:just )?(?:die|be dead|not be alive|not exist)\b(?! (?:of|laughing|for))|\b(?:plan\w*|think\w* (?:about|of)|thought\w* (?:about|of)|fantasi\w+ about|dream\w* of|obsess\w* (?:about|with|over)) (?:my (?:own )?(?:death|suicide|end)|dying|being dead|not (?:being alive|existing|living)|ending (?:things|it|everything|my))\b(?! in (?:hospital|pain|the game)| with \w+)",
    r"\b(?:no longer|not|don't|do not) (?:\w+ )?(?:want|wanting|wish|care|plan|intend|deserve) to (?:be alive|"
    r"live|exist|stay alive|go on living|be living|breathe)\b(?! (?:in|with|at|on|near|like that|there|here in))|"
    r"\bput an end to (?:myself|my life|it all|everything|it|me|my suffering|my pain|this life)\b|\b(?:want|"
    r"wish|need|like) (?:my life|my existence) (?:to (?:end|be over|stop)|over)\b|\bput (?:me )?out of my misery\b|"
    r"\b(?:get rid of|finish|erase|destroy|end|remove|delete|dispose of|neck|rope|dead) myself\b(?! from (?:the|"
    r"this|that))|\bto be my last\b|\bbe my last (?:night|day|week|sunrise|hour)\b",
    r"\battempt(?:ed|ing)? (?:it )?(?:again|last night|on my (?:own )?life|to (?:die|kill|end|take my)|yesterday|"
    r"and failed|tonight)\b|\b(?:made|planning) (?:a |an |another )(?:serious )?attempt\b(?= (?:on|last|yesterday|"
    r"this|today)|\s*(?:[.!]|$))|\bcan't (?:promise|guarantee|say)\b.{0,20}\bwon't (?:hurt|kill|harm|cut)\b|"
    r"\bdo something (?:stupid|bad|terrible|drastic|permanent) to myself\b|\bdeath wish\b|\b(?:lost|no) (?:the |"
    r"my |all )?will to live\b|\b(?:nearly|almost|close to) (?:ended|ending|killed|killing|took|taking|hanged) (?:my (?:own )?life|"
    r"myself|it all)\b|\bon purpose and die\b|\bneed to bleed\b|\brather die than (?:live|go (?:on|back)|wake|"
    r"spend|face|keep|do this|feel)\b|\blet me (?:just )?die\b|\b(?:want|need|going) to (?:just )?end (?:everything|"
    r"this life|the pain|my pain|all this)\b|\bctb\b|\bgame[ -]end\b|\bas much as i do now\b|\bwant out of life\b|"
    r"\b(?:log ?off|check ?out) (?:of )?(?:life|permanently|for good)\b|\bending things for myself\b",
)
MEANS = (
    r"\b(?:loaded (?:gun|pistol|rifle|revolver)|noose|ligature|exit bag|suicide kit)\b|\bloaded the gun\b|\b(?:buy|"
    r"get|order|find) (?:\w+ )?(?:helium|cyanide|nembutal|sodium nitrite|fentanyl)\b|\b(?:access to|holding|"
    r"hold|staring at|looking at|clutching|counted out|lined up) (?:\w+ ){0,4}(?:pills|tablets|gun|razor|blade|"
    r"meds|rope)\b|\b(?:pills|tablets) (?:are )?lined up\b|\b(?:razor|blade|knife|gun|glass)\b.{0,12}\b(?:to|"
    r"on|at|against) my (?:wrist|throat|neck|arm|head|skin|temple|vein)\w*|\bin the (?:bathroom|bath|shower|"
    r"garage|car)\b.{0,15}\bwith (?:a|the|my) (?:razor|knife|blade|rope|gun|pills|hose)\w*|\bhose (?:for|to) the exhaust\b|"
    r"\b(?:gun|pills|rope|pistol)\b.{0,25}\b(?:next to|beside|near|on) (?:me|my bed|the bed)\b",
    r"\bi know (?:exactly )?(?:how|where|when) i(?:'d| would|'ll| will|'m going to)? (?:do it|end it|die|go)\b|"
    r"\b(?:have|got) (?:it all|everything|it) planned\b(?! for)|\bresearch\w* (?:\w+ )?methods?\b|\b(?:have|"
    r"got) the means\b|\bmy plan is to (?:do it|die|end|jump|overdose)\b|\b(?:is|does|would) (?:hanging|drowning|"
    r"an overdose|jumping|bleeding out)\b.{0,12}\b(?:quick|hurt|painless|painful)\b|\bcan (?:you|i|someone|a person) die (?:from|"
    r"of|by|if)\b.{0,30}\b(?:too much|too many|insulin|pills|paracetamol|tylenol|bleach|\d+)\b|\b(?:highest|"
    r"tallest) (?:bridge|building|cliff|car park|roof)\b.{0,25}\b(?:i can|near|get to)\b|\bwhat floor\b.{0,20}\b(?:fall|"
    r"jump)\b",
    r"\b(?:measured|tested|checked) the (?:beam|rope|drop|belt|branch|rail)\b|\bpracti[sc]ed with the (?:belt|"
    r"rope|cord|knot)\b|\btied the (?:belt|rope|cord)\b|\b(?:sat|lay|lying|stood|standing|sitting) (?:down )?on the (?:tracks|"
    r"rails|ledge|edge|railing|parapet)\b|\b(?:keep going|kept going|keep walking|go every night) to the (?:bridge|"
    r"roof|tracks|cliff|river)\b|\b(?:engine|motor) (?:on|running) and the (?:windows?|doors?) (?:shut|closed|"
    r"up)\b|\bletters? are written\b|\bkept back my (?:tablets|pills|meds)\b|\b(?:tie|make) a noose\b|\b(?:top floor|"
    r"multi-?storey)\b.{0,25}\blooking (?:down|over)\b|\bdrove to the cliffs\b|\bto end it with\b|\btaken it out of the safe\b|"
    r"\bgo through with it\b|\b(?:how and when|when and how)\b|\bso (?:the kids|my \w+|nobody|they) (?:don't|"
    r"doesn't|won't) (?:have to )?find me\b|\bcharcoal and the tent\b|\beverything in the cabinet\b|\brazor out\b",
)
HARM_TO_OTHERS = (
    r"\bfeel like (?:hurting|killing|stabbing|attacking|throwing|hitting|smashing) (?:someone|somebody|people|"
    r"him|her|them|my \w+|the (?:baby|kids|child))\b|\b(?:a|the|my) list and a (?:gun|knife)\b|\bi (?:nearly |"
    r"almost )?(?:choked|strangled|drowned|shoved|suffocated|smothered) (?:my (?!sorrows)|him|her|them)\b|\b(?:going to|"
    r"will|'ll) (?:get|end|finish|slaughter|execute) (?:them all|him for good|her for good|all of them|him|her)\b(?! (?:a|"
    r"some|to|the|out|up|off|in|from|home))|\bhas to be killed\b|\bnever hurts? anyone again\b|\bwhat i (?:might|"
    r"could|'ll|will|would) do to (?:my|him|her|them|someone|the)\b|\bgrabbed (?:my|him|her|the)\b.{0,20}\bby the throat\b|"
    r"\brun (?:him|her|them|my \w+) over\b|\bmyself from (?:killing|hurting|hitting|stabbing) (?:him|her|them|"
    r"my)\b|\bmake them all bleed\b|\bknife in my \w+|\bi'd smother\b|\b(?:lose it|snap) and (?:strangle|hit|"
    r"hurt|kill|stab)\b|\bwith my rifle\b|\bwith acid\b|\bpush(?:ed|ing) my \w+ (?:down the|in front of)\b|\bi hit (?:him|"
    r"her) with\b|\bhurt my kids?\b",
)
ABUSE = (
    r"\bi(?:'m| am) (?:being )?(?:abused|beaten|raped|stalked|blackmailed|trafficked)\b|\bfear for my life\b|"
    r"\btake no for an answer\b|\bunless i sleep\b|\b(?:pulls?|pulled|grabs|drags?|dragged) (?:me by the|my) hair\b|"
    r"\b(?:spits?|spat) (?:at|on) me\b|\b(?:bangs|banged|slams|slammed) my (?:head|face)\b|\brais(?:es|ed) (?:a |"
    r"his |her )(?:hand|knife|fist)\b.{0,12}\b(?:at|to|against) me\b|\b(?:held|holds|pinned) me down\b|\bforc(?:es|"
    r"ed) (?:himself|herself) on me\b|\bhand up my\b|\b(?:gropes?|groped)\b|\bthrows? (?:\w+ )?at me\b|\b(?:is|"
    r"was|gets|getting) (?:violent|abusive)\b(?=.{0,40}\b(?:i|me)\b)|\b(?:nobody|no one) would believe me\b|"
    r"\bhave me deported\b|\block myself in\b|\bbruises under\b|\bblack and blue\b|\bi said no and\b|\bdid things to me\b|"
    r"\bnot allowed (?:to leave|money|friends|a phone)\b|\b(?:my|ex) \w+ (?:keeps )?send\w* (?:me )?threats\b|"
    r"\bthreatening to post\b|\btouched me at\b|\bgets? in my bed\b|\bpunches me\b|\bdragged me\b|\b(?:he|she|"
    r"they)'?s? (?:following|stalking) me\b|\bflinch\b.{0,30}\bhand\b|\bvideos of us\b|\bbroken rib\b.{0,40}\bfell\b",
)
MEDICAL = (
    r"\bchest\b.{0,25}\b(?:squeez\w*|crush\w*)\b|\bcut (?:an|my|the) artery\b|\bcan't stay awake\b.{0,30}\b(?:took|taken|pills|too much|drank)\b|\bi took too much\b(?! (?:time|on|space|work|effort|room))|\b(?:took|taken|swallowed) (?:the rest of |most of |double |triple |a load of )(?:my|the|all)\b.{0,20}\b(?:pills|tablets|dose|meds|medication|insulin)\b|\bface is drooping\b|\bmy baby is blue\b|\bblood keeps\b|\bshaking and seeing things\b|\bwashed down the whole\b",
)
NOT_MEANT = (
    r"\b(?:rather|sooner) die than (?:move|marry|live in)\b|\bsuicide by (?:salad|cake|sugar|work|boredom)\b|\b(?:going to|will|'ll|could|want to) kill (?:my \w+|him|her|them) for (?:telling|forgetting|being late|eating|spoiling|that|this|leaving the|not)\b|\bi'd kill (?:to|for)\b|\bedge of my seat\b|\b(?:packet|box|bag|bottle) of (?:biscuits|crisps|sweets|chocolates?|cookies|wine|water|milk|cereal|chips)\b|\b(?:shoot me|kill me) (?:if|now)\b|\bso dead\b",
    r"\bcult where they all\b|\b(?:self[ -]?harm|cutting|hurting myself) (?:free|days are)\b|\bi'd never (?:hurt|harm|kill)\b|\bhit (?:his|her) (?:brother|sister) at breakfast\b",
)
FOREIGN = (
    r"\b(?:ya )?no (?:aguanto|soporto) mas (?:esta vida|vivir|asi)\b|\bno (?:aguanto|puedo) mas\s*(?:[.!,]|$)|\bno puedo seguir (?:asi|viviendo|adelante)\b|\b(?:cansad[oa]|hart[oa]) de (?:vivir|la vida|mi vida|existir)\b|\b(?:dormir(?:me)?|acostarme) y (?:ya )?no despertar|\bmejor sin mi\b|\btirarme (?:por|al|de) \w+|\bplan para (?:matarme|morir|suicidarme)\b",
    r"\bj'?(?:e )?(?:n')?en peux plus\b|\b(?:plus|pas) (?:envie|la force|le gout) de vivre\b|\bje veux plus (?:vivre|etre la|exister)\b|\bet ne (?:plus|jamais) (?:me )?reveiller\b|\b(?:envie|veux) (?:de )?(?:crever|mourir|en finir|disparaitre)\b|\bfatiguee? de (?:vivre|la vie)\b|\bme foutre en l'air\b|\bpasser a l'acte\b|\bsauter (?:du|d'un|par la) (?:pont|toit|fenetre)\b",
    r"\bich halte? (?:es|das|das leben) nicht mehr aus\b|\bich kann (?:einfach )?nicht mehr(?: weiter| so)?\s*(?:[.!,]|$)|\bkeine (?:lust|kraft) mehr (?:zu|zum|am) leben\b|\bleben (?:zu )?beenden\b|\blebenswillen\b|\bnicht mehr aufwachen\b|\btot sein\b|\bvom (?:dach|balkon|hochhaus) springen\b|\bvor (?:den|einen) zug\b|\b(?:sterben|umbringen) (?:will|mochte|werde)\b",
    r"\b(?:cansad[oa]|fart[oa]) de (?:viver|estar viv[oa]|existir|esta vida)\b|\bqueria (?:estar mort[oa]|nao acordar|nao ter nascido)\b|\bdar cabo de mim\b|\bnao vale a pena (?:viver|continuar)\b|\bpor termo a (?:minha )?vida\b|\be (?:nunca|nao) (?:mais )?acordar\b|\bnao aguento mais(?: esta vida| viver| isto)?\s*(?:[.!,]|$)|\bmelhor sem mim\b|\b(?:saltar|pular) da ponte\b",
    r"\bnie (?:moge|daje|dam) (?:juz )?(?:rady|tak zyc|dluzej)\b|\bmam (?:juz )?dosc (?:juz )?(?:zycia|tego zycia)\b|\bodebrac sobie zycie\b|\bnie widze (?:juz )?sensu\b.{0,12}\bzyc|\bnie chce (?:sie )?(?:juz )?(?:zyc|obudzic|budzic|istniec)\b|\bchcial(?:bym|abym) nie zyc\b|\btargn\w+ sie na\b|\bskoczyc z (?:mostu|dachu|okna)\b|\bchce (?:juz )?(?:umrzec|zginac|zdechnac)\b|\bnie mam po co zyc\b",
)
