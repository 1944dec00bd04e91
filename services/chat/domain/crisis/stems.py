# ruff: noqa: E501 - stems are packed
"""Which pieces of words each group of crisis rules cannot do without, so that a rule only reads what stands around one.

A message is checked before all limits; most sentences hold none of these, and cost a look for each piece.
"""

from collections.abc import Iterator

# No rule reaches farther from its own stem than this.
_REACH = 110
_WORD = 40
_DEATH = (
    "kill", "suicid", "die", "dying", "dead", "death", "alive", "life", "live", "living", "exist", "overdos",
    "unaliv", "end it", "ending", "end my", "end every", "end things",
)  # fmt: skip
_LIFE = ("die", "dying", "dead", "alive", "life", "live", "living", "exist", "end it")
_WOUNDS = ("harm", "hurt", "cut", "burn", "scratch", "slash", "carv", "slit", "bleed", "injur", "punch", "starv")
_MEANS = (
    "pill", "tablet", "meds", "medic", "rope", "noose", "gun", "pistol", "rifle", "razor", "blade", "knife", "helium",
    "insulin", "paracetamol", "morphine", "lethal", "fatal", "bridge", "roof", "ledge", "cliff", "track", "platform",
    "balcony", "top floor", "jump", "hang", "drown", "shoot", "stab", "gas", "garage", "exhaust", "plan", "note",
    "knot", "railway", "river", "train", "painless", "painful", "peaceful", "quickest", "easiest", "wrist", "throat",
)  # fmt: skip
SELF_HARM = (
    "died",
    "attempt",
    "end to",
    "misery",
    "rid of",
    "finish",
    "erase",
    "destroy",
    "to be my last",
    "be my last",
    "ctb",
    "log off",
    "logoff",
    "check out",
    "game",
    "promise",
    "guarantee",
    "stupid",
    "drastic",
    "permanent",
    "will to",
    "bleed",
    "neck myself",
    "as much as",
    *_DEATH,
    *_WOUNDS,
    "jump",
    "hang",
    "drown",
    "shoot",
    "stab",
    "gas myself",
    "off myself",
    "top myself",
    "neck myself",
    "rope myself",
    "suffocat",
    "poison",
    "throw",
    "step",
    "walk",
    "swallow",
    "pill",
    "tablet",
    "note",
    "wrist",
    "throat",
    "danger to",
    "risk to",
    "trust myself",
    "safe",
    "birthday",
    "tomorrow",
    "be here",
    "wake",
    "born",
    "decided",
    "sewer",
    "toaster",
    "slide",
    "way out",
    "disappear",
    "gone by",
    "over for me",
    "afraid",
    "scared",
    "frightened",
    "terrified",
    "worried",
    "final exit",
    "catch the bus",
    "commit",
    "breathing",
    "letter",
    "message",
    "leap",
    "fling",
    "delete",
    "bit my",
    "suffering",
    "misery",
    "myself in",
    "with myself",
    "electrocut",
    "the whole",
)
MEANS = (
    "ligature", "exit bag", "kit", "cyanide", "nembutal", "nitrite", "glass", "i know", "it planned", "everything planned", "all planned", "methods", "the means", "highest", "tallest", "beam", "tested", "letters are", "die from", "die of", "die if", "die by", "kept back", "when and", "how and", "find me", "through with", "what floor", "cabinet", "the rest", "storey", "end it", "the safe", "hose",
    *_MEANS, "sav", "stockpil", "hoard", "stash", "the day", "the date", "stuff", "the night", "my last", "picked", "chosen",
    "chose", "edge", "viaduct", "method", "fentanyl", "heroin", "opioid", "bleed", "suffocat", "if i t", "if i s", "sea",
    "ready for", "prepared for", "set for", "station", "parapet", "sill", "charcoal", "bath", "cord", "belt", "dose",
    "how long", "bullet", "engine", "amitriptyline", "worked out", "looked up", "research", "googl", "a date", "a day", "planned for", "arranged for", "the place", "the spot", "the way",
)  # fmt: skip
INDIRECT = (
    *_LIFE, "goodbye", "farewell", "letter", "gone", "without me", "better", "burden", "waste", "drain", "point",
    "use of", "sense", "enough of", "tired of", "sick of", "done with", "done by", "finished with", "over it", "envy",
    "jealous", "envious", "funeral", "over", "stop", "happens", "happened", "tell ", "deserve", "belong", "strength",
    "worth", "way out", "door", "made up my mind", "calm", "at peace", "relieved", "favor", "favour", "ready to",
    "join", "be with", "can't", "cannot", "need", "wake", "woke", "sleep", "mind if", "care if", "cares if", "care",
    "whether i", "miss me", "notice", "happier", "easier", "nothing", "no one", "nobody", "no reason", "future",
    "myself", "not going to", "make it", "disappear", "vanish", "fade", "cease", "soon", "come home", "be here",
    "sorry", "waking", "around", "longer", "not here", "my dog", "my cat", "exhausted", "weary",
)  # fmt: skip
HARM_TO_OTHERS = (
    "throat", "shov",
    "get them", "finish", "execute", "end him", "end her", "might do", "i'll do", "could do", "will do", "would do", "list and", "smashing", "throwing", "lose it", "snap", "acid", "over",
    *_WOUNDS, "kill", "murder", "stab", "shoot", "strangl", "smother", "suffocat", "poison", "drown", "attack", "beat",
    "run him", "run her", "run them", "bash", "chok", "shak", "shook", "push", "hit", "slap", "kick", "smack", "threw",
    "gun", "rifle", "knife", "machete", "bomb", "hammer", "bat", "axe", "petrol", "weapon", "fire to", "homicid",
    "list", "voice", "neck", "pillow", "pay", "suffer", "ground", "hospital", "body", "accident", "or me", "bury",
    "rid of", "punish", "mouth", "bit my", "bit the", "bruis", "end him", "end her", "end them",
)  # fmt: skip
ABUSE = (
    "fear", "an answer", "unless", "hair", "my head", "my face", "rais", "pinned", "hand up", "violent", "believe me", "deport", "myself in", "i said no", "to me", "not allowed", "threats", "my bed", "flinch", "videos", "rib", "black and",
    *_WOUNDS, "hit", "beat", "kick", "slap", "chok", "strangl", "rap", "attack", "assault", "molest", "abus", "stab",
    "threat", "grop", "bit me", "bites me", "grab", "spat", "spit", "drag", "stalk", "follow", "push", "shov", "throw",
    "threw", "lock", "drug", "spik", "traffick", "blackmail", "forc", "made me", "makes me", "pressur", "coerc",
    "sex", "i said no", "woke up", "my drink", "comes into", "touch", "let me", "lets me", "allow", "trapped", "held",
    "controls", "my phone", "my location", "scared", "afraid", "terrified", "frightened", "unsafe", "not safe",
    "feel safe", "kill", "murder", "find me", "shoot", "broke", "fractur", "black eye", "bruis", "marks", "jaw",
    "hiding", "smashing", "breaking", "outside", "coming for me", "abroad", "marr", "came at me", "undress", "against",
    "keeps me", "kept me", "split", "dislocat", "get in",
)  # fmt: skip
CHILD = (
    "baby", "babies", "newborn", "toddler", "child", "kid", "son", "daughter", "little", "boy", "girl", "nephew",
    "niece", "infant", "twin", "i'm", "ones", "social services", "cps", "grown man", "adult", "online",
)  # fmt: skip
MEDICAL = (
    "artery", "stay awake", "rest of", "most of", "double", "triple", "load of", "seeing things", "washed down",
    "overdos", "pill", "tablet", "meds", "medic", "insulin", "paracetamol", "bleach", "antifreeze", "cleaner", "poison",
    "detergent", "petrol", "bottle", "packet", "box of", "pack of", "too many", "too much", "chest", "heart attack",
    "stroke", "seizure", "cardiac", "breath", "blue", "grey", "gray", "wake", "respond", "collapsed", "passed out",
    "unconscious", "unresponsive", "fit", "chok", "bleed", "blood", "too deep", "pregnant", "drop", "droop", "slur",
    "swell", "swollen", "closing", "anaphyla", "allerg", "snake", "electrocut", "withdrawal", "labor", "labour",
    "passing out", "ambulance", "on fire", "batter", "xanax", "aspirin", "tylenol", "ibuprofen", "can't lift",
    "can't move", "can't feel", "disinfect", "whole", "shock", "consciousness", "faint", "numb", "mushroom", "berries",
    "dose", "capsule",
)  # fmt: skip
SOFT_SELF_HARM = (
    *_LIFE, "bleed", "purpose", "deliberately", "gun", "rope", "razor", "pill", "tablet", "storey", "floor", "belt", "cord",
    "exhaust", "charcoal", "cabinet", "when and", "how and", "go through", "find me", "finish it", "too much", "keeping me",
    "reason i", "will to", "the wheel", "last time", "counting", "woke up", "the end", "end of", "from me", "my time",
    "at peace", "with leaving", "my eyes", "carry on", "go on", "continue", "be here", "feel anything", "never comes", "to stay",
    "one way", "what happens", "without me", "until i", "stopped", "gone", "off", "wasn't", "not here", "future", "be upset",
    "get hit", "wanted", "comes", "knot", "only here", "do this", "not around",
)  # fmt: skip
SOFT_HARM_TO_OTHERS = (
    "gun", "rifle", "pistol", "knife", "knives", "machete", "hammer", "axe", "acid", "petrol", "bomb", "bullet", "bat", "over",
    "down", "throw", "hit", "beat", "punch", "kick", "throat", "myself from", "bleed", "suffer", "pay for", "end ", "breathing",
    "his drink", "her drink", "their", "food", "tonight", "mouth", "smother", "strangl", "kill", "stab", "shoot", "poison",
    "push", "hurt", "harm", "shake", "snap", "lose", "do something", "attack", "violent", "intrusive", "urges", "fantas",
    "dark", "my hands on", "dead", "to see", "walking",
)  # fmt: skip
SOFT_ABUSE = (
    *ABUSE, "things to me", "stuff to me", "something to me", "that to me", "hand", "fingers", "my bed", "film", "photograph",
    "recorded", "black and blue", "bruises", "happened to me", "secret", "must", "if i'm late", "took my", "eggshell", "knife",
    "gun", "to me", "domestic", "violent", "physical", "unwanted", "my will", "consent", "say no", "froze", "too drunk",
    "he wants", "out on me", "sexual", "slam", "smash", "whip", "pinned", "hold", "corner",
)  # fmt: skip
SOFT_CHILD = (*CHILD, "year", "left us", "sister")
FOREIGN = (
    "aguant", "soport", "puedo", "cansad", "hart", "dormir", "plan", "peux", "plus", "crev", "fatigu", "foutre", "acte", "saut", "halt", "kann", "lust", "kraft", "spring", "zug", "fart", "queria", "cabo", "pena", "termo", "pular", "salt", "rady", "dosc", "sensu", "chc", "zgin", "zdech", "targn",
    "mor", "mour", "mat", "suic", "suiz", "viv", "vid", "dano", "lastim", "cort", "desapar", "despert", "exist", "colgar",
    "ahorc", "tir", "muert", "autol", "despedida", "tue", "oter", "finir", "fin a", "couper", "coup", "mutil", "pendre",
    "noyer", "jeter", "disparai", "vie", "sans moi", "scarif", "noires", "adieu", "sterb", "tot", "umbring", "toten",
    "toeten", "leben", "verletz", "ritz", "erhang", "erhaeng", "erschiess", "ertrank", "vergift", "antun", "ende",
    "brucke", "bring", "nehm", "selbstm", "freitod", "abschied", "todes", "ohne mich", "dasein", "da sein", "aufwach",
    "schluss", "machuc", "magoar", "sumir", "enforc", "acab", "melhor", "sem mim", "acordar", "estar", "umrzec",
    "zab", "zyc", "samob", "skonczyc", "krzywd", "powies", "pocia", "pocie", "ciel", "cial", "tne", "znikn", "skoczyc",
    "samook", "pozegn", "mnie", "uccid", "ammazz", "finita", "sparire", "tagliat", "dood", "mezelf", "zelfmoord",
    "intihar", "olmek", "oldur", "istemiyorum", "jag vill", "livet", "sjalv", "pega", "golpe", "viol", "maltrat",
    "amena", "estrang", "encierra", "frapp", "bat", "tap", "menac", "etrangl", "agress", "schlag", "schlaeg", "vergew",
    "wurg", "wuerg", "prugel", "bedroht", "misshand", "missbrau", "tritt", "agrid", "agred", "estupr", "espanc",
    "forcou", "bije", "uderz", "zgwalc", "dusi", "molest", "pobil", "pastill", "medicament", "sobredosis", "pecho",
    "respirar", "comprim", "cachet", "pilul", "boite", "overdose", "surdose", "poitrine", "tablett", "pillen", "packung",
    "uberdosis", "ueberdosis", "brust", "remedio", "caixa", "peito", "tabletk", "tabletek", "leki", "lekow", "opakow",
    "przedawk", "klatce", "picchia", "slaat", "mejor sin", "weiterl", "hier sein", "etre", "abus", "vergift", "obliga",
    "kopfer", "prochy", "geschlag", "mejores", "eind aan", "wil", "besser", "mettre", "reveil", "medikament",
)  # fmt: skip


def near(text: str, stems: tuple[str, ...]) -> list[tuple[int, int]]:
    """Return where a text is within reach of a stem, in order, cut between words."""
    places = sorted({place for stem in stems for place in _places(text, stem)})
    parts: list[tuple[int, int]] = []
    for place in places:
        if parts and place - _REACH <= parts[-1][1]:
            parts[-1] = (parts[-1][0], place + _REACH)
        else:
            parts.append((max(0, place - _REACH), place + _REACH))
    return [_between_words(text, start, end) for start, end in parts]


def _places(text: str, stem: str) -> Iterator[int]:
    place = text.find(stem)
    while place >= 0:
        yield place
        place = text.find(stem, place + _REACH // 2)


def _between_words(text: str, start: int, end: int) -> tuple[int, int]:
    first = text.find(" ", start, start + _WORD) + 1 if start else 0
    last = text.rfind(" ", end - _WORD, end) if end < len(text) else len(text)
    return first or start, last if last >= 0 else end
