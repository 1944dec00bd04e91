# ruff: noqa: E501 - a rule is read on one line
"""Rules of the crisis check for the other kinds: harm to others, abuse, a child in danger, a medical emergency.

Over text whose spelling is mended, like those of rules.py.
"""

_KIN = (
    r"(?:brother|sister|mother|mom|mum|mummy|father|dad|daddy|friend|uncle|aunt|cousin|husband|wife|partner|ex|boyfriend|girlfriend|"
    r"bf|gf|fianc\w+|colleague|neighbou?r|classmate|roommate|flatmate|housemate|boss|manager|teacher|coach|carer|caregiver|stepdad|stepfather|stepmum|stepmom|stepmother|"
    r"step ?dad|father-in-law|mother-in-law|brother-in-law|in-laws|parents?|grandad|grandpa|grandfather|gran|grandma|nan|landlord|priest|doctor|nurse|dealer|pimp|family)"
)
_CHILD = r"(?:babies|baby|newborn|toddler|child|children|kids?|son|daughter|little (?:boy|girl|one|brother|sister)|boy|girl|grandson|granddaughter|grandchild\w*|nephew|niece|stepson|stepdaughter|infant|twins|ones?)"
_THEM = rf"(?:him|her|them|someone|somebody|anyone|people|everyone|everybody|all of them|the (?:lot|man|woman|guy|bastard|bitch|people|neighbou?rs?|kids|children)|(?:my|his|her|their|our|the|this|that|a) (?:\w+(?:'s|')? )?(?:{_KIN}|{_CHILD}|family|wife|co-?workers?|classmates?))"
_BY_HARM = r"(?:kill|killing|murder|murdering|stab|stabbing|shoot|shooting|strangle|strangling|smother|smothering|suffocate|suffocating|poison|poisoning|drown|drowning|hurt|hurting|harm|harming|attack|attacking|beat(?:ing)?(?: up)?|run(?:ning)? (?=(?:him|her|them) over)|bash|bashing|choke|choking|burn|burning|shake|shaking|push(?:ing)? (?=.{0,30}\b(?:stairs|tracks|window|train|road|roof))|cut|cutting|slit|slitting|bury|burying|get rid of|hit|hitting|punish)"
_INTENT = r"(?:going to|want to|wanting to|need to|will|i'll|i'd|plan to|planning to|planned|thinking (?:about|of)|think about|thought(?: \w+)? (?:about|of)|thoughts (?:of|about)|how to|urges? to|impulses? to|afraid i(?:'ll| will|'m going to| might| could)|scared i(?:'ll| will|'m going to| might| could)|i could|i might|about to|tempted to|have to|ready to|trying to|tried to|fantasi[sz]\w+ about|dream(?:ing)? (?:of|about)|imagin\w+|visions of|images of|plans? to|decided to)"

HARM_TO_OTHERS = (
    rf"(?:\bi\b|\bi'm\b|\bi've\b|\bi'd\b|\bi'll\b|^)[^.!?\n]{{0,40}}?\b{_INTENT}(?: \w+){{0,2}}? {_BY_HARM} {_THEM}\b(?! (?:feelings|in the eye|a favou?r|pride|at (?:chess|tennis|cards|his|her|their)|curiosity|with kindness|in the game|with a stick))",
    rf"\bi (?:almost|nearly|just|could have)? ?(?:hit|slapped|shook|shaken|kicked|punched|beat|strangled|choked|stabbed|burned|burnt|smacked|bit|threw|bruised|hurt)\b (?:my|the|our) (?:\w+ )?(?:{_CHILD}|wife|husband|partner|girlfriend|boyfriend|mother|mum|mom|father|dad|gran)\b(?!'s)(?! (?:at (?:chess|tennis|cards)|a party|feelings|by accident|accidentally))",
    rf"\bkilling {_THEM} (?:is|would be|seems)\b|\b(?:it's )?(?:him|her|them) or me\b",
    r"\b(?:bring|bringing|take|taking|carry|bought|got|buying|get|getting|have|with) (?:a |my |the )?(?:gun|rifle|knife|machete|bomb|explosives|weapon|hammer|bat|axe|petrol)\b.{0,50}\b(?:to school|to work|to (?:the|my) (?:office|class|college|church)|going (?:round|over|to find|to use it on|there)|for (?:him|her|them|the \w+ who)|(?:on|to|into) (?:him|her|them)|waiting for (?:him|her))\b|\b(?:outside|waiting (?:for|outside)|going (?:round|over) to) (?:his|her|their|my ex's?)\b.{0,30}\bwith (?:a|my|the) (?:knife|hammer|gun|bat|machete|petrol|axe)\b",
    r"\b(?:shoot|shooting|bomb|bombing|blow(?:ing)?|burn(?:ing)?) (?:up |down )?(?:the|my|his|her|their|this|that|up the|up my) (?:school|office|work|workplace|place|house|building|church|mosque|class|car|flat)\b(?:.{0,30}\b(?:with|down|up|everyone|in it|inside)\b)|\bset(?:ting)? fire to (?:the|his|her|their|my) (?:\w+ )?(?:house|place|flat|home|office|school|car|building|bed)\b|\bshoot (?:up|them all|everyone|everybody)\b|\bschool shooting\b.{0,20}\b(?:i'm|i am|i want|planning)\b",
    r"\b(?:murderous|homicidal)\b|\b(?:a|my|the) (?:hit|kill) list\b|\blist of (?:the )?people i(?:'m going to| want to| will|'ll)\b",
    rf"\b(?:voices?|something|someone|god|demons?|head|brain)\b.{{0,25}}\b(?:tell\w*|say\w*|want\w*|order\w*|command\w*|keeps?)\b.{{0,20}}\b(?:kill|hurt|stab|harm|push|attack|smother|drown|shoot) {_THEM}\b",
    r"\b(?:hands|arm|pillow|belt|cord) (?:round|around|over|on) (?:his|her|their) (?:neck|throat|face|mouth)\b|\bhand over (?:my|his|her) (?:\w+ ){0,3}mouth\b|\bi (?:held|put) (?:a |the |my )?(?:knife|pillow|gun)\b.{0,20}\b(?:to|over|on|at) (?:him|her|his|them|my \w+)\b",
    r"\bmake (?:him|her|them|my \w+) (?:pay|suffer|bleed)\b(?=.{0,40}\b(?:with|tonight|bat|knife|blood|gun|tomorrow|i mean|kill)\b)|\bput (?:him|her|them) in (?:the ground|a grave|hospital)\b|\bwhere to (?:put|bury|hide) (?:him|her|the body|them)\b|\b(?:make|making) (?:it|his death|her death) look like an accident\b|\bbeat(?:ing)? (?:him|her|them) (?:until|till|to (?:death|a pulp))\b",
)
_HE = rf"(?:he|she|they|someone|somebody|(?:a|the|this|my|our) (?:\w+(?:'s)? )?(?:{_KIN}|man|men|guy|guys|stranger|date|lodger|customer|client|people))(?:'s|'d|'ll| has| had| is| was| keeps| kept| always| just| will| started)?(?: \w+ly| also| often| still| always| sometimes| once| even| then| just| been| again)?"
_HITS = (
    r"(?:hits?|hitting|beat|beats|beating|beaten|punch(?:es|ed|ing)?|kick(?:s|ed|ing)?|slap(?:s|ped|ping)?|chok(?:es?|"
    r"ed|ing)|strangl(?:es?|ed|ing)|rap(?:es?|ed|ing)|attack(?:s|ed|ing)|assault(?:s|ed|ing)?|molest(?:s|ed|"
    r"ing)?|abus(?:es|ed|ing)|burn(?:s|ed|t|ing)|stab(?:s|bed|bing)?|threaten(?:s|ed|ing)?(?: to (?:kill|hurt|"
    r"leave me with nothing))?|gropes?|groped|grop(?:es|ing)|hurt(?:s|ing)? (?=me)|bit(?:es)? (?=me)|grab(?:s|"
    r"bed) (?=me by)|spat (?=at me)|spits (?=at me)|drag(?:s|ged) (?=me)|stalk(?:s|ed|ing)?|follow(?:s|ing) (?=me)|"
    r"push(?:es|ed) (?=me (?:down|against|into|over|around|about|out))|shov(?:es|ed) (?=me)|throws?|threw (?=me|"
    r"things at me)|lock(?:s|ed) (?=me)|drugged|spiked)"
)

ABUSE = (
    rf"\b{_HE} {_HITS} (?:me|us|things at me|my (?:drink|face|head|arm|wrist))\b(?! (?:at (?:chess|tennis|cards|scrabble|golf)|with (?:a |the )?(?:idea|question|news|bill|kindness)|up for|that|as|how))",
    r"\b(?:i was|i've been|i got|i am being|i'm being|been|being|was|get|i keep getting) (?:\w+ )?(?:raped|gang ?raped|sexually (?:abused|assaulted)|molested|assaulted|abused|beaten(?: up)?(?! (?:at|by (?:two|three|a goal)))|strangled|trafficked|held against my will|stalked|blackmailed)\b",
    r"\b(?:raped|molested|groped|strangled) me\b|\brape\b.{0,20}\b(?:me|last night|happened to me|yesterday)\b|\b(?:he|she|they|someone|who) (?:raped|sexually \w+)\b|\bthe man who raped\b",
    r"\b(?:forc\w+|made|makes|making|pressur\w+|coerc\w+) me (?:to )?(?:\w+ )?(?:have sex|sleep with|undress|touch|do (?:things|stuff|sexual|it)|sex|watch porn|send (?:nudes|pictures)|perform|strip|into (?:sex|it|having sex))\b|\b(?:has|had|having|have) sex (?:with me )?when i(?:'m| was) (?:asleep|unconscious|drunk)\b|\bi said no\b.{0,30}\b(?:didn't stop|did it anyway|carried on|kept going|wouldn't stop|anyway)\b|\bwoke up\b.{0,20}\b(?:in his bed|him on top|with him inside|without my clothes|no clothes)\b",
    r"\b(?:spiked|put something in) my drink\b|\bcomes? into my (?:room|bed)\b.{0,20}\b(?:at )?night\b|\b(?:touches|touched|touching) me\b(?=.{0,20}\b(?:inappropriately|there|down|at night|when|where|in ways?|without|against|and i|and now|under|sexually)\b|\s*(?:[.!]|$))|\bused to touch me\b|\btouch(?:es|ed|ing) (?:me|us) (?:where|in a way|down|up|under|between)",
    rf"\b{_HE} (?:won't|doesn't|will not|refuses to|never|not) (?:let|lets|allow) me (?:leave|go out|out|have (?:my own |any )?(?:money|a phone|friends|my phone)|see (?:anyone|my (?:family|friends))|eat|sleep|work|talk to)|\b(?:locks?|locked|trapped|keeps|kept|held) me (?:in|inside|out|up|prisoner|captive)\b|\b(?:controls|takes|took|keeps) (?:all )?my (?:money|phone|passport|wages|bank card|id|keys)\b.{0, 40}|\b(?:tracks|checks|goes through) my (?:phone|location)\b.{0, 30}\b(?:hit|hurt|threat\w*|scared|afraid|everywhere|every)\b",
    r"\b(?:scared|afraid|terrified|frightened|not safe|unsafe|don't feel safe|too scared) (?:to go|of going|at|to be at|to stay at|going|in) (?:back )?(?:home|my (?:own )?(?:home|house))\b(?! alone in the dark)|\b(?:scared|afraid|terrified|frightened) (?:of|for my life|that) (?:my )?(?:husband|wife|partner|boyfriend|girlfriend|ex|stepdad|stepfather|dad|father|mother|mum|him|he'll (?:kill|hurt|hit)|he will (?:kill|hurt|hit)|he is going to (?:kill|hurt)|he's going to (?:kill|hurt|hit))\b(?! (?:leaving|dying|finding out|will leave))",
    r"\b(?:he|she|they|my (?:\w+ )?\w+)(?:'s| has| said| says|'ll| will| keeps saying| told me)?\b.{0,30}\b(?:he'll|she'll|they'll|hell|going to|threaten\w* to|he will|will|would) (?:kill|murder|hurt|find|burn|shoot|stab) (?:me|us|the kids|the children|my (?:kids|children|family|mother|mum|mom|sister|dog))\b(?! (?:if i'm late|when (?:he|she) (?:sees|finds out)|for (?:this|forgetting|being late|that)))|\b(?:kill|murder) me if i (?:leave|go|tell|left|call)\b|\bif i (?:leave|tell|go|call|scream)\b.{0,25}\b(?:kill|hurt|find) (?:me|us|the (?:kids|children)|my)\b",
    r"\b(?:broke|broken|fractured|black(?:ened)?|split|dislocated|bruised) (?:my|me a) (?:wrist|arm|nose|jaw|ribs?|eye|lip|finger|cheekbone|leg|collarbone)\b(?=.{0,60})(?<!i broke my arm)(?<!i broke my leg)(?<!i broke my wrist)(?<!i broke my finger)(?<!i broke my nose)(?<!i've broken my arm)(?<!i've broken my wrist)(?<!i bruised my ribs)(?<!i bruised my leg)(?<!i bruised my arm)|\b(?:black eye|bruises|marks on my neck)\b.{0,40}\b(?:he|my (?:husband|partner|boyfriend|dad|ex)|she|hide|cover)\b",
    r"\bhiding (?:in|under|from|behind)\b.{0,40}\b(?:he|she|him|my (?:dad|husband|partner|ex|boyfriend|stepdad))\b|\b(?:he's|she's|he is|dad's|dad is|my \w+ is|my \w+'s) (?:smashing|breaking|trying to get|kicking|banging|coming for me|outside (?:my|the) (?:house|work|flat|school))|\b(?:my|he|she)\b.{0,12}\bhurting (?:my (?:mum|mom|mother|sister|brother)|me|us)\b|\b(?:forced|force|make|send) me (?:abroad |away |into |to )*(?:to )?(?:be )?(?:marr(?:y|ied|iage))\b|\b(?:send me abroad|be married)\b.{0,30}\bdon't want\b|\bbleeding\b.{0,12}\b(?:he|she|my \w+) (?:hit|stabbed|cut|pushed)",
    r"\b(?:he|she|my (?:husband|wife|partner|boyfriend|girlfriend|ex|dad|father|stepdad|stepfather|brother|mum|mother))\b.{0,15}\b(?:hits?|beats?|burnt|burned|punched|choked|strangled|raped|hurts) me\b|\b(?:beat|beats|beating|beaten) me(?: up)?\b(?! (?:at|to the|in the (?:race|game)))|\bpush(?:ed|es) me (?:down|into|against|over|through)\b|\bcame at me with\b|\bheld (?:a |the )?(?:knife|gun)\b.{0,15}\b(?:to|at|against) (?:me|my)\b|\bthreatened me with\b",
)
CHILD = (
    rf"\b(?:touch(?:es|ing|ed)|molest(?:s|ing|ed)?|rap(?:es?|ed|ing)|abus(?:es|ing|ed)|(?<!my daughter )(?<!my son )hit(?:s|ting)?|beat(?:s|ing)?|hurt(?:s|ing)|punch\w+|kick(?:s|ed|ing)|starv\w+|shak(?:es|ing)|burn(?:s|ed|t|ing)|lock(?:s|ed|ing)|slap(?:s|ped|ping)|groom(?:s|ed|ing)|whip\w*|chok\w+) (?:up )?(?:my|his|her|their|the|our|a|that|those) (?:\w+ |own )?(?:{_CHILD})\b",
    rf"\b(?:my|his|her|their|the|our|a|that|neighbou?r's|sister's|brother's) (?:\w+ )?(?:{_CHILD})(?:'s| is| are| was| has been| gets| keeps getting| being| have been|'ve been| has)? (?:\w+ )?(?:being |been |getting )?(?:beaten|hit|hurt by|abused|molested|touched|neglected|starved|starving|raped|groomed|locked|left alone|burnt|burned|bruised|whipped|slapped|trafficked|tied)\b(?! (?:a|his head|her head|by a (?:ball|bee)))",
    rf"\b(?:{_CHILD})\b(?!.{{0,20}}\b(?:fell|bike|football|scooter|tripped)\b).{{0,40}}\b(?:bruis\w+|burns?|marks|belt marks|welts|cigarette burns)\b.{{0,30}}|\b(?:bruis\w+|burn marks|cigarette burns|welts|hand ?prints?)\b.{{0,20}}\bon (?:his|her|their|the|my) (?:\w+ )?(?:back|arms?|legs?|neck|face|bottom|{_CHILD}|son's|daughter's|baby's|nephew's|niece's)\b",
    r"\b(?:left|leaving|leaves|leave)\b.{0,15}\b(?:the|my|her|his|our|their) (?:\w+ )?(?:baby|toddler|kids|children|little one|son|daughter|newborn)\b.{0,20}\b(?:alone|by (?:himself|herself|themselves)|on (?:his|her|their) own|in the (?:car|bath)|unattended|home)\b.{0,30}\b(?:hours|night|all day|for days|days|drunk|drinking|the bath)\b",
    rf"\b(?:locks?|locked|chains?|ties|tied|shut) (?:my|his|her|the|their|our|up my|up the) (?:\w+ )?(?:{_CHILD}|"
    rf"children)\b.{{0,12}}\b(?:in|to|up|out|inside)\b|\b(?:sends?|sent|sending|shows?|showed|asks?|asking|takes?|"
    rf"took) (?:my|her|him|his|the|our) (?:\w+ )?(?:{_CHILD}|her|him)?\b.{{0,12}}\b(?:pictures of (?:himself|"
    rf"herself|his)|nudes?|porn|naked|dirty pictures|to undress)\b|\b(?:daughter|son|child|boy|girl|kid)\b.{{0,40}}\b(?:sends? (?:him|"
    rf"her|them) (?:pictures|photos|messages)|(?:man|teacher|coach|uncle|stepdad|priest|older man)\b.{{0,20}}\b(?:touch\w*|"
    rf"naked|undress\w*|pictures|photos))",
    r"\bi'?m (?:only )?(?:nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|9|1[0-6])\b.{0,50}\b(?:hits?|touch\w*|makes me|beats?|hurts?|locks?|rap\w+|scared of|sex|naked|pictures|alone|nothing to eat|not eaten|older man|meet)\b|\b(?:dad|mum|mom|stepdad|stepfather|mother|father|uncle|foster \w+|teacher|coach|boyfriend)\b.{0,40}\bi'?m (?:only )?(?:nine|ten|eleven|twelve|thirteen|fourteen|fifteen|9|1[0-5])\b",
    r"\b(?:child|kid|baby|toddler|daughter|son|boy|girl)\b.{0,30}\b(?:not safe|in danger|isn't safe|unsafe|at risk)\b(?! of (?:failing|losing))|\b(?:social services|cps)\b.{0,40}\b(?:should know|need to know|must know)\b|\bscreaming and (?:crying )?(?:and )?(?:hitting|hits|thumps)\b.{0,30}\b(?:child|kid|baby)|\b(?:grown man|adult|older man|man online|someone online)\b.{0,30}\b(?:messag\w+|meet\w*|pictures|groom\w*|asking)\b.{0,30}\b(?:daughter|son|child|sister|brother|her|him|my \d+)\b",
)
_TOOK = r"(?:i(?:'ve| have)?(?: just| already| also)? )?(?:took|taken|take|swallowed|downed|drank|drunk|had|necked|injected|popped|mixed|overdosed on)"
MEDICAL = (
    rf"\b{_TOOK}\b(?: \w+'?\w*){{0,3}}? (?:an overdose|too (?:many|much)(?= (?:\w+ )?(?:pills|tablets|meds|medication|"
    rf"paracetamol|insulin|tylenol|aspirin|sleeping|fentanyl|heroin|xanax|of my|of the|and))|too many\b(?! (?:breaks|"
    rf"classes|days|calls|shifts|holidays|risks))|all (?:of )?(?:my|the|his|her|these|those) (?:\w+ )?(?:pills|"
    rf"tablets|meds|medication|medicine|antidepressants|insulin|paracetamol|sleeping pills)(?! (?:as prescribed|"
    rf"today|this week|on time|every))|(?:a|the|my) (?:whole|full|entire|big) (?:\w+ )?(?:bottle|box|packet|pack|"
    rf"strip|bag|lot) of (?:\w+ )?(?:pills|tablets|paracetamol|tylenol|aspirin|meds|medication|sleeping|ibuprofen|"
    rf"xanax|valium|codeine|insulin|antidepressants|sertraline|\w+(?:ine|ol|am|en))|(?:the|a) whole (?:bottle|"
    rf"packet|box|pack|strip|lot)|bleach|antifreeze|drain cleaner|(?:rat|weed|insect) ?(?:poison|killer)|poison|"
    rf"detergent|disinfectant|petrol)\b",
    rf"\b{_TOOK} (?:about |like |around |over |nearly |at least )?(?:\d{{2,}}|twenty|thirty|forty|fifty|sixty|a hundred|dozens of|a handful of|handfuls of|a (?:load|bunch|ton|lot|fistful|mouthful) of|every single|every) (?:\w+ ){{0,2}}?(?:pills?|tablets?|meds|capsules|paracetamol|aspirins?|tylenol|sleeping pills?|xanax|ibuprofen)\b(?! (?:as prescribed|over the|a (?:year|month|day)|this (?:week|month)))",
    r"\b(?:i've|i have|i|i just|she|he|she's|he's|has|have)? ?(?:overdosed|od'd)\b(?! (?:on (?:chocolate|coffee|caffeine|sugar|cake|candy|sweets|tv|news|netflix|sun|work|carbs)|in \d{4}|at (?:seventeen|\w+teen)))|\b(?:took|taken|taking) an overdose\b|\boverdosing\b",
    r"\bmixed\b.{0,30}\b(?:vodka|alcohol|whisky|whiskey|wine|drink|booze)\b.{0,30}\b(?:pills|tablets|xanax|valium|codeine|meds|medication|sleeping)\b|\b(?:pills|tablets|xanax|sleeping pills|meds)\b.{0,20}\b(?:with|and|on top of) (?:a |the |my |half a |loads of )*(?:bottle of )?(?:vodka|whisky|whiskey|alcohol|wine|gin)\b",
    r"\b(?:crushing|squeezing|severe|sharp|terrible|really bad|stabbing|awful|tight|bad|horrible)? ?(?:pains?|"
    r"pressure|tightness|tight) (?:in|across|on) my chest\b(?=.{0,60}\b(?:arm|jaw|numb|sweat\w*|breath\w*|crush\w*|"
    r"sick|now|right now|dizzy|won't|getting worse|can't|spread\w*|back|faint\w*|help|scared|heart)\b|\s*[.!?]?$)|"
    r"\bcrushing (?:chest )?pain\b|\bchest (?:pains?|is (?:killing me|crushing|so tight|really tight|tight)|"
    r"hurts?|feels? (?:crushed|like))\b(?=.{0,50}\b(?:arm|jaw|numb|sweat\w*|heart attack|breath\w*|so bad|now|"
    r"dizzy|won't|help|faint\w*|crush\w*|elephant|spread\w*)\b)|\b(?:having|had|it's|is it|think it's|this is) (?:a |"
    r"an )?(?:heart attack|stroke|seizure|cardiac arrest)\b(?! (?:last|in|ten|years|when (?:i|he|she) (?:saw|"
    r"opened|heard)|\w+ years))",
    r"\b(?:can't|cannot|can not|not|isn't|stopped|barely|hardly|struggling to|trouble|difficulty) (?:\w+ )?(?:breathe|breathing)\b(?=.{0,50}\b(?:lips|blue|properly|swell\w*|throat|chest|right now|help|turning|grey|gray|asthma|inhaler|won't|allerg\w+|what do i|baby|choking|face)\b)|\b(?:he|she|they|baby|dad|mum|mom|son|daughter|wife|husband|friend|it)(?:'s| is|s|'ve| has| have)? (?:not|stopped|isn't) (?:breathing|responding)\b|\b(?:lips|fingers|face) (?:are|is|have|has)? ?(?:gone |turning |going |turned )?(?:blue|grey|gray)\b|\bgone (?:blue|grey|gray)\b(?! hair)",
    r"\b(?:won't|can't|cannot|not|isn't|doesn't|wouldn't) (?:get (?:him|her|them) to )?(?:wake|waking|respond|"
    r"responding|move) ?(?:up)?\b(?=.{0,30}\b(?:help|what do i|breath\w*|collapsed|pills|drunk|floor|cold)\b)|"
    r"\b(?:collapsed|passed out|unconscious|unresponsive)\b(?=.{0,40}\b(?:won't|isn't|not|now|help|what do i|"
    r"floor|wake|breath\w*|moving|just)\b)(?! (?:last|years|in \d{4}))|\b(?:he|she|mum|mom|dad|wife|husband|"
    r"son|daughter|baby|friend|nan|gran|partner|brother|sister)(?:'s| is| has)?(?: just)? (?:collapsed|unconscious|"
    r"having a (?:fit|seizure|stroke)|had a (?:fit|seizure|stroke)|choking|fitting)\b(?!.{0,30}\b(?:last (?:year|"
    r"month)|years ago|when i was)\b)|\bwon't wake up\b",
    r"\b(?:won't|can't|doesn't|not|hasn't|cannot|don't) (?:\w+ )?(?:stop bleeding|stop the bleeding|stop the blood)\b|\bbleeding (?:heavily|a lot|badly|so much|everywhere|really bad|out|to death|won't stop|through)\b|\bblood (?:everywhere|all over|won't stop|is pouring|pouring|spurting)\b|\b(?:cut|cutting|gone|went) (?:myself )?too deep\b|\b(?:coughing|vomiting|throwing up|vomited) (?:up )?blood\b|\bpregnant\b.{0,30}\bbleeding\b|\bbleeding\b.{0,30}\bpregnant\b",
    r"\b(?:face|mouth|side of my face|eye) (?:has |is |have )?(?:dropped|drooping|droopy|droops|numb on)\b|\b(?:can't|cannot) (?:lift|move|feel) (?:my|his|her) (?:\w+ )?(?:arm|leg|side|legs|face)\b(?! (?:after the gym|today, the gym))|\b(?:slurring|slurred)\b.{0,20}\b(?:words|speech)\b|\b(?:throat|tongue|face|lips)(?:'s| is| are|s)? (?:swelling|closing|swollen|closing up)\b|\banaphyla\w+|\ballergic reaction\b.{0,30}\b(?:breath\w*|swell\w*|throat|epipen|help)\b|\bsnake bit\b|\belectrocuted\b",
    r"\binsulin\b.{0,40}\b(?:three times|twice|double|by mistake|too much|overdose|shaking|confused|all of it)\b|"
    r"\b(?:wrong|double|triple) (?:dose|pills|medication)\b.{0,40}\b(?:dizzy|shaking|confused|sick|faint|sleepy|"
    r"heart)\b|\b(?:alcohol|drink) withdrawal\b.{0,40}\b(?:shak\w+|seeing things|seizure|fit)\b|\b(?:i'm|i am) (?:going into (?:labou?r|"
    r"shock)|passing out|losing consciousness|about to (?:pass out|faint))\b|\bcall (?:me )?an ambulance\b|\bneed an ambulance\b|"
    r"\bset (?:myself|himself|herself) on fire\b(?!.{0,15}to)|\b(?:swallowed|drank|ate|eaten|drunk) (?:a |the |"
    r"some |all the |my )*(?:battery|batteries|bleach|washing|dishwasher|cleaner|pills|berries|mushrooms)\b",
)
