# ruff: noqa: E501 - a rule is read on one line
"""Rules that only make a crisis possible: words that stand together in one, and now and then elsewhere."""

_WEAPON = r"(?:gun|rifle|pistol|shotgun|knife|knives|machete|hammer|axe|acid|petrol|bomb|bullets?|baseball bat)"
_CHILD = r"(?:baby|toddler|child|children|kids?|son|daughter|little (?:boy|girl|one|brother|sister)|stepson|stepdaughter|nephew|niece|grandson|granddaughter|(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen)[- ]year[- ]old|thirteen year old)"

SELF_HARM = (
    r"\b(?:nearly|almost|about to|close to) (?:ended|end|ending|took|taking|take) my (?:own )?life\b|\bnever wanted to die\b.{0,15}\bas much\b|\b(?:on purpose|deliberately) and (?:die|never)\b|\bchoos\w+ (?:death|to die)\b|\bwant out of life\b|\b(?:need|want) to bleed\b|\brather die than (?:live|go (?:on|back)|wake|spend|face another)\b|\bend(?:ing|ed)? my (?:own )?life\b|\bit with,? it comes\b",
    r"\b(?:taken|took|take|got) (?:it|the gun|the razor|the rope) out\b|\bloaded (?:the|my|a) gun\b|\b(?:pills|"
    r"tablets)\b.{0,25}\b(?:lined up|on the table|in a pile|counted|counting|i've decided|decided|cabinet|in front)\b|"
    r"\bcounting (?:my |the )?(?:pills|tablets)\b|\b(?:top of the|top floor of the) (?:multi-?storey|car park|"
    r"building|tower)\b|\btop floor\b.{0,15}\blooking (?:down|over)\b|\b(?:tied|test(?:ed|ing)|tying) the (?:belt|"
    r"rope|cord|knot|noose)\b|\bhose for the exhaust\b|\bcharcoal and the tent\b|\beverything in the (?:medicine )?cabinet\b|"
    r"\bwhat (?:floor|height)\b.{0,25}\b(?:fall|jump|die)\b|\b(?:how|when) and (?:how|when|where)\b.{0,12}\b(?:nobody|"
    r"no one|will|decided)\b|\bgo through with it\b|\bso (?:the kids|my (?:kids|mum|mom|wife|husband|family)|"
    r"nobody|they|she|he) (?:don't|doesn't|won't|won't have to) find me\b|\bwho (?:would|will|'d) find me\b|"
    r"\bback tomorrow to finish it\b|\bhow much (?:\w+ )?is too much (?:to survive)?\b",
    r"\b(?:only|reason) (?:here|alive|reason i'm (?:here|alive)|thing keeping me (?:here|alive))\b.{0,20}\b(?:because|"
    r"for|is)\b|\bkeeping me (?:here|alive)\b|\b(?:lost|no|losing) (?:the |my |any )?will to (?:live|carry on|"
    r"go on|continue)\b|\bletting go of the wheel\b|\blast time\b.{0,15}$(?<=one last time)|\bcounting down the days\b(?! (?:to|"
    r"until|till))|\b(?:disappointed|angry|sad|upset) (?:that )?i woke up\b|\breached the end\b|\bend of my rope\b|"
    r"\b(?:hear|see|hearing) from me (?:again|much longer|any ?more)\b|\bmy time is (?:up|over|coming)\b|\b(?:at peace|"
    r"peace) with (?:leaving|dying|it ending|going)\b|\bclose my eyes and (?:not|never)\b|\b(?:don't|not) (?:want to |"
    r"wanna )?(?:carry on|go on|continue|be here|feel anything|be alive|do this)\b(?: any ?more| any longer|"
    r" ever again|,? (?:i|it))?\s*(?:[.!,]|$)|\bcan't (?:carry on|go on|bear to be)\b|\btomorrow never comes\b|"
    r"\bhurts too much to stay\b|\bonly one way\b|\b(?:don't care|doesn't matter|what does it matter) what happens(?: to me)?\b|"
    r"\bsimpler without me\b|\bdrink(?:ing)? until i don't\b|\bstopped (?:taking|eating)\b.{0,40}\b(?:matter|"
    r"care|point)\b|\bgone already\b|\balready gone\b|\bdying would be\b|\b(?:step|jump|walk) off\b|\bwithout me in (?:it|"
    r"the)\b|\bif i wasn't (?:here|around|alive)\b|\bwhen i'm not (?:here|around)\b|\bno future\b|\bwouldn't be upset if (?:my heart|"
    r"i)\b|\bget hit by a (?:car|bus|truck|train|lorry)\b",
)
HARM_TO_OTHERS = (
    rf"\bi\b.{{0,60}}\b{_WEAPON}\b.{{0,40}}\b(?:him|her|them|his|someone|somebody|people|my (?:ex|boss|neighbou?r|landlord|husband|wife|dad|father|brother|stepdad))\b|\b{_WEAPON}\b.{{0,40}}\b(?:his place|her place|loaded|ready for|find (?:him|her|them))\b|\b(?:coming|going|come) (?:back|round|over|in|there) with (?:my|a|the) {_WEAPON}\b",
    r"\b(?:run|running|mow|mowing) (?:him|her|them|my \w+|people|over|down)(?: \w+)? (?:over|down)\b|\bthrow(?:ing)? (?:him|"
    r"her|it|the baby|them) (?:against|out of|down|at the wall)\b|\b(?:hit|beat|punched|kicked) (?:him|her|them|"
    r"my \w+) (?:with|until|till|so hard|senseless|again and again)\b|\bby the throat\b|\b(?:stop|stopping|keep) myself from (?:killing|"
    r"hurting|hitting|stabbing|attacking|strangling)\b|\bmake (?:\w+ ){0,3}(?:bleed|suffer|pay for)\b|\bend (?:him|"
    r"her|them)\b\s*(?:[.!]|$| for good| tonight)|\b(?:won't|will not) be (?:breathing|alive|walking)\b|\b(?:putting|"
    r"put|slipping) something in (?:his|her|their) (?:drink|food|tea|coffee)\b|\b(?:is|are) (?:going to|gonna) die (?:tonight|"
    r"for this|for what|by my)\b|\bmy hand over\b.{0,25}\bmouth\b|\bi'd (?:smother|strangle|kill|stab|shoot|"
    r"poison) (?!for)\w+|\bpushed? my \w+ (?:down|off|in front|under)\b|\bpushing (?:my \w+|him|her|someone|"
    r"people) (?:in front|off|onto|under|down)\b",
    r"\b(?:afraid|scared|frightened|terrified|worried|fear) (?:that )?i(?:'ll| will| might| could|'m going to|"
    r" would|'d)\b.{0,25}\b(?:hurt|harm|kill|hit|strangle|stab|shake|snap|lose it|lose control|do something to|"
    r"attack|smother)\b.{0,20}\b(?:him|her|them|someone|somebody|people|my|the (?:baby|kids|children))\b|\b(?:violent|"
    r"intrusive|bad|scary|dark) (?:thoughts|urges|fantasies|images)\b.{0,30}\b(?:about|of|towards?|against) (?:hurting|"
    r"killing|harming|him|her|my|people|others|strangers)\b|\bget my hands on (?:him|her|them)\b|\bi (?:really )?want (?:him|"
    r"her|them) dead\b|\bwant to see (?:him|her|them) (?:suffer|dead|bleed|die)\b|\bi've (?:been )?(?:hurt|hit|"
    r"hitting|beaten|beating) (?:my|him|her|them|the)\b",
)
ABUSE = (
    r"\b(?:hit|hits|hitting|beat|beats|beating|punch\w*|kick\w*|slap\w*|chok\w*|strangl\w*|grab(?:s|bed|bing)?|"
    r"drag(?:s|ged|ging)?|shov(?:es|ed|ing)|push(?:es|ed|ing)|throw(?:s|n|ing)?|threw|burn(?:s|ed|t|ing)|bit(?:es|"
    r"ten)?|hurt(?:s|ing)?|pin(?:s|ned)|held|holds|slammed|smashed|whipped|attack\w*|cornered|forc(?:es|ed|ing)|"
    r"rap(?:es|ed|ing)) (?:himself on |herself on |themselves on |on )?me\b(?! (?:that|up (?:at|from|for)|hard that|"
    r"up for|like a|with (?:the|a) (?:news|question)|at (?:chess|tennis|cards|the|golf)|to the|on the|when i (?:saw|"
    r"heard|think)|to (?:hear|see|think)|how|a (?:message|text|line)))",
    r"\b(?:he|she|they|my \w+|someone|a man|who) (?:\w+ ){0,2}?(?:did|does|doing|do|done) (?:things|stuff|something|"
    r"that|bad things) to me\b|\bput his (?:hand|hands|fingers|penis)\b|\b(?:hand|hands) (?:up|down|in|inside|"
    r"under) my (?:skirt|top|pants|trousers|shirt|bra|underwear|dress|clothes|leg)\b|\b(?:gets?|got|climbs?|"
    r"climbed) (?:in|into) my bed\b|\bnot allowed to (?:leave|go out|see|have|talk|work|call|use)\b|\b(?:filmed|"
    r"films|photographed|recorded) me (?:in|while|naked|when|without)\b|\b(?:black and blue|covered in bruises)\b|"
    r"\b(?:something|things) happened to me\b|\b(?:our|a) secret\b.{0,25}\b(?:tell|not)\b|\bmust(?:n't| not) tell\b|"
    r"\b(?:he|she|they)\b.{0,25}\bif i'm late\b|\b(?:blackmail\w*|threatening to (?:post|share|send|leak|tell|"
    r"hurt|kill|take))\b|\btook my (?:keys|phone|passport|money|cards?)\b.{0,30}\b(?:so|and|leave|locked|get out)\b|"
    r"\b(?:walking on eggshells)\b.{0,30}\b(?:hit|hurt|angry|temper|explode)|\b(?:follow(?:s|ed|ing)) me\b(?! (?:on|"
    r"back))|\bkeeps? a (?:knife|gun)\b|\bafraid of (?:my|his|her) (?:husband|wife|partner|boyfriend|girlfriend|"
    r"temper|dad|father|son|ex)\b|\bwhat (?:he|she|they) did to me\b|\b(?:won't|doesn't|never) (?:let|lets) me\b|"
    r"\bdomestic (?:violence|abuse)\b(?=.{0,25}\b(?:i|me|my|home|now)\b)|\b(?:abusive|violent) (?:husband|wife|"
    r"partner|boyfriend|girlfriend|relationship|marriage|home|father|mother|dad)\b|\b(?:gets|is|been|turns|getting) (?:\w+ )?(?:violent|"
    r"physical|abusive) (?:with me|towards me|at home|when|again|lately|to me)\b|\b(?:unwanted|against my will|"
    r"without my consent|didn't consent|couldn't say no|froze and he|too drunk to)\b|\bhe (?:takes|took|wants) (?:what he wants|"
    r"it out on me)\b|\bsexual(?:ly)? (?:assault|abuse|harass)\w*\b",
)
CHILD = (
    rf"\b{_CHILD}\b.{{0,60}}\b(?:bruis\w*|naked|undress\w*|in (?:her|his) pants|private parts|starv\w*|isn't eating|"
    rf"not (?:eating|fed)|screams?|screaming|thump|scared of (?:her|his) (?:dad|father|mum|mother|uncle|stepdad|"
    rf"coach)|isn't safe|not safe|handprint|black eye|burn marks|being hurt|getting hurt|in danger|secret|locked|"
    rf"unattended|alive again|touch\w*)\b|\b(?:naked|nude\w*|undress\w*|bruis\w*|starv\w*|doing things to|did things to|"
    rf"touch(?:es|ed|ing)?|hurting|hitting|beating|hits|beats|slapped|slaps|abus\w*|molest\w*|groom\w*|messaging|"
    rf"drunk and|high and|left|leaves|shakes|shook)\b.{{0,25}}\b(?:my|her|his|their|the|our|a|that|those) (?:\w+ |"
    rf"\w+'s )?{_CHILD}\b",
    r"\b(?:kids|children|child|baby)\b.{0,20}\b(?:next door|downstairs|upstairs|neighbou?r\w*)\b.{0,40}\b(?:cry\w*|scream\w*|hit|starv\w*|beaten|alone|bruis\w*|hurt|shout\w*)\b|\bi'm (?:only )?(?:1[0-6]|9|nine|ten|eleven|twelve|thirteen|fourteen|fifteen)\b(?! (?:years (?:sober|clean|in)|minutes|hours|days|weeks|months|kilos|pounds|miles))(?=.{0,80}\b(?:man|he|dad|mum|mom|stepdad|uncle|hit\w*|touch\w*|food|alone|online|house|scared|hurt)\b)|\b(?:mum|mom|dad|parents?) left us\b|\bcut my (?:sister|daughter)\b",
)
MEDICAL = (
    r"\b(?:bleeding|blood)\b.{0,30}\b(?:keeps|coming|won't|deep|lot|stop)\b|\b(?:fainted|fainting|blacked out)\b.{0,40}\b(?:chest|"
    r"twice|heart|again|breath\w*|head)\b|\bchest\b.{0,15}\bcrushing\b|\b(?:antidepressants|pills|tablets|meds|"
    r"valium|xanax|codeine)\b.{0,30}\b(?:vodka|alcohol|wine|whisky|gin|drunk)\b.{0,40}\b(?:awake|sleepy|dizzy|"
    r"drowsy|sick|breath\w*)\b|\b(?:is|gone|turning|went) (?:blue|grey|limp|floppy|cold and)\b|\bcan't move (?:my|"
    r"at all|and)?\s*(?:[.!]|$|legs|arms|anything)|\b(?:swallowed|took|taken|had) (?:a (?:load|lot|bunch|ton|"
    r"handful)|loads|lots|double|triple|most) (?:of )?(?:my |the |his |her |mum's |mom's )*(?:\w+ )?(?:\w+ )?(?:pills|"
    r"tablets|dose|meds|medication|lithium|insulin)\b|\bdouble my dose\b|\bshaking and (?:seeing|throwing|sweating|"
    r"confused|vomiting)\b|\b(?:washed down|swallowed|took|necked) the whole\b|\bdroop\w*\b.{0,40}\b(?:face|"
    r"words|slurred|speech)\b|\b(?:face)\b.{0,10}\bdroop\w*\b|\bslipping away\b|\b(?:think|feel like) i'm (?:dying|"
    r"going to die|having a (?:heart|stroke))\b(?=.{0,50}\b(?:chest|breath\w*|took|pills|bleed\w*|heart|arm)\b)|"
    r"\binjected too much\b|\b(?:seizure|convuls\w+|fitting)\b.{0,15}\b(?:now|won't|minutes|floor|help)\b",
)
