"""The words that the spelling of a message is mended by, for the crisis check only."""

_CORE = """
abuse abused abusive again alive ambulance another anymore asleep assaulted attempt attempted baby beating belong
better birthday blade blades bleed bleeding boyfriend breathe breathing bridge bruises burden chest children choke
choked choking collapsed couldn't cutting daughter dead death decided deserve die died disappear drown drowning
dying ended ending everyone exist existence existing forever going goodbye goodbyes hang hanged hanging harm harmed
harming hate hits hitting hopeless hurt hurting husband insulin jump jumped jumping kill killed killing kills knife
lethal life live living matter medication molested molesting murder murdered myself nobody noose nothing overdose
overdosed overdoses overdosing paracetamol partner peace pills plan planning point pointless poison punched punching
quiet rape raped raping razor really reason relapse relapsed rope safe scared self sewerslide shoot shooting
shouldn't sleeping somebody someone stab stabbing stepdad stepfather stop strangle strangled strangling suffering
suicidal suicide suicides swallow swallowed tablets telling terrified thinking thought thoughts threatened
threatening threatens throat tired tonight touches touching unalive unaliving unconscious unsafe urge urges voices
waiting wake want wanted wanting without world worth wouldn't wrist wrists yourself
"""
_COMMON = """
abby abuses aired alain alan alibi alice alike amend amused ang ant ape arm armed ashe assault assaults ate atop
attempts attested awaiting awake baba babe babu bang banged banging bathing batter bay beak beam beaming bearing
became become belongs bemoan bending betting biking bill billed billing bills bits bitter bladed blake blame blaze
bled blend blending blessing blinding boating breaking breath breathed breaths breed breeding bridal bride bridges
bridget brown browning bruise bruised bump bumped buren burt butter cafe cake cape cared chang changed changing
charm charming charms cheat chess chests chet chocked chose clade clan clive coke collapse collapses cooke cooked
cooking cope coping couldn crest crown cruises curt cutie cutter cutters dabbing dad date daughters dea deaf deal
dealt dean dear dearth deaths decide decides dedication deed depth deserved deserves did diego dies diet dined diner
dines ding disappeared disappears dive dives diving doing dome dope down downing draining draped drapes drawing
drawn dread dried dropping drowned drying dump dumped dumping dyed dyes eating editing elf endings everton exciting
existent exists exit exited exiting exits fake fang farm farming farms fatal fate fife fill filled filling fills
fired fits fitting five forth fridge frown frowning gain gang gaped gaping gate gill gills give giving goat gong
goon goons goose grape grapes grown hale ham han hana hand handed handing hanger hangs hank hans hara hard harding
hare hari harms harp hart haste hat hated hates hats haute have haze head health hearth heath heating hereof heron
herself hiking hill hills himself hints hips hired hires his hiss hit hive homeless hong hope huang hunched hung
hunt hunting hurling hurls hurst hurtful hurts husbands hut huts ill imam isn't itself jake jang jill joint jumper
jumpers jumps kang kant kate keating kiel killer killings kiln kilt kits klan kurt lake lan lang late latter
laughter lead lending letter lie lied lifer lift like liking lime line lining liv lived lively liver livery lives
livid loose love loving lump lunching lying make master mate mater matteo matters mead meath mediation medications
meditation mill milling mills moose moping moreover mugs murderer murderers murders murmured mustered mutter
muttered nape nate noise noon nope norse north nose noting notion olive ongoing onion onto outgoing overall overcome
overcoming pace paint pall pan pang panted panting partners peach pearce pending piles pill pinched pinching pinning
pitching pits place placing plain plane plank plans plant planting play playing plunging pointe points polls pont
pope print prison pulls pump pumped pumping punches purge pushing putter putting quilt quit quite race raced racing
rae rafe rage raged raging rake raked rally rang ranged ranging rap rapid rapper rare rasped rate rated rating rave
read realised reasons reilly related relaxed released reserve retired rider ridge ripe robe rode roe role rome ropes
rose rowe sacred safer sage sake sale same sane sang sant save saxe scaled scare scares scarred schooling scored
scouting season seating seeing seeking seeming sell selling sending shallow shang shared shelf shifting shocking
shook shoots shop shopping short shot shouldn shout shouting shoving showing shutting sired sits sitting skill
skilled skills slab slade slapping sleep slipping sloping smoothing soared sobbing some soon soothing sorting soup
spared speeding spills sporting spotting stable stabs staging stalking stan standing star stared staring starring
starting starving stat stating stay staying steering step stepmother stepping stops stranded strange strangely
stranger strongly struggle struggled struggling surge swallows sweeping tab tables tablet take takeoff takeover
talking tang tape taped tate teaching teeth tended tending terrific testified thanking theaters theme therein though
threat threaten threats ticking tied tiled till timed tire tires tiring title tits tome top torches touched touring
treason tried tucking tying upon urged voice voiced wade wage waist wait waited wakes walking walt wan wand wang
wants ware warm warmed warming wasn't wasted wasting watch watt wave wealth went wife will willed willing wills
wired wished wits woke word worlds worse worthless worthy would wouldn wrapped writ writing yang yelling ying zhang
"""
_SPLIT = """
a all am and anymore be been better can't cant cut cutting dead die do don't dont dying end ending feel go going
gone gonna had hate he her here him hurt hurting i i'm im is it ive jump just kill killing life like live living me
more my myself need never no not of off on out over overdose pills self she so stop suicidal suicide take the them
they this to up wake wanna want was wish
"""
_SPLIT_CORE = """
alive can't cant cut cutting dead die don't dont dying end ending gonna hurt kill killing life live living myself
overdose self suicidal suicide wanna want
"""
# What is mended into.
CORE = frozenset(_CORE.split())
# Words that are one or two letters away from one of CORE and meant as they are written (from the 30,000 words of
# BERT's vocabulary).
COMMON = frozenset(_COMMON.split())
# Words that somebody joins by leaving out the space, and those without which a joined word is left alone.
SPLIT = frozenset(_SPLIT.split())
SPLIT_CORE = frozenset(_SPLIT_CORE.split())
SLANG = {
    "2day": "today", "2moro": "tomorrow", "2morrow": "tomorrow", "2night": "tonight", "2nite": "tonight",
    "abt": "about", "agen": "again", "agian": "again", "aint": "isn't", "alot": "a lot", "arent": "aren't", "b": "be",
    "bc": "because", "bcs": "because", "becuz": "because", "bin": "been", "bout": "about", "boutta": "about to",
    "cannot": "can't", "cant": "can't", "cos": "because", "couldnt": "couldn't", "coz": "because", "cud": "could",
    "cutted": "cut", "cuttin": "cutting", "cuz": "because", "da": "the", "dat": "that", "ded": "dead",
    "deth": "death", "didnt": "didn't", "dieing": "dying", "dis": "this", "dnt": "don't", "doesnt": "doesn't",
    "dont": "don't", "dy": "die", "dyin": "dying", "em": "them", "endin": "ending", "everyones": "everyone's",
    "everythin": "everything", "exsist": "exist", "finna": "going to", "fr": "for real", "gna": "going to",
    "goin": "going", "gona": "going to", "gonna": "going to", "gotta": "have to", "gunna": "going to",
    "hafta": "have to", "hasnt": "hasn't", "hav": "have", "havent": "haven't", "hes": "he's", "hurtin": "hurting",
    "iam": "i am", "idc": "i don't care", "idk": "i don't know", "im": "i'm", "ima": "i am going to",
    "imma": "i am going to", "infront": "in front", "isnt": "isn't", "its": "it's", "ive": "i've", "jus": "just",
    "k": "ok", "kermit": "commit", "killin": "killing", "kll": "kill", "kms": "kill myself", "kys": "kill yourself",
    "lemme": "let me", "lfe": "life", "lief": "life", "liveing": "living", "livin": "living", "luv": "love",
    "lyf": "life", "meself": "myself", "minecraft": "minecraft", "misself": "myself", "mself": "myself",
    "mum's": "mum's", "mylife": "my life", "mysef": "myself", "myselv": "myself", "myslef": "myself",
    "ngl": "not going to lie", "nite": "night", "nobodys": "nobody's", "noone": "no one", "nothin": "nothing",
    "od'd": "overdosed", "offing": "killing", "pls": "please", "plz": "please", "ppl": "people", "rn": "right now",
    "sewercide": "suicide", "sewerside": "suicide", "shes": "she's", "shoulda": "should have",
    "shouldnt": "shouldn't", "shud": "should", "shuld": "should", "smth": "something", "somethin": "something",
    "sth": "something", "suacide": "suicide", "sucide": "suicide", "sui": "suicide", "suicde": "suicide",
    "suicidle": "suicidal", "suiside": "suicide", "takin": "taking", "tbh": "to be honest", "thats": "that's",
    "theres": "there's", "theyd": "they'd", "theyre": "they're", "thinkin": "thinking", "thinkn": "thinking",
    "tho": "though", "thru": "through", "thx": "thanks", "tmr": "tomorrow", "tmrw": "tomorrow", "tnite": "tonight",
    "tonigt": "tonight", "tonite": "tonight", "tryed": "tried", "tryin": "trying", "tryna": "trying to",
    "unlive": "unalive", "ur": "your", "urself": "yourself", "wana": "want to", "wanna": "want to",
    "wannna": "want to", "wantin": "wanting", "wanto": "want to", "wantto": "want to", "wasnt": "wasn't",
    "wat": "what", "wats": "what's", "wen": "when", "werent": "weren't", "whats": "what's", "wif": "with",
    "wiv": "with", "wnna": "want to", "wnt": "want", "wont": "won't", "wouldnt": "wouldn't", "wud": "would",
    "y": "why", "youre": "you're",
}  # fmt: skip
