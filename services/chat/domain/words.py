"""Extracts the content words of a text as stems, so that `sleeping` equals `slept`."""

import re

from libs.common.folded_text import searchable

# Fewer letters tell no two words apart, so no ending is cut that leaves less.
STEM_CHARS_MIN = 3
_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")

# Stop words: they occur in every question and session, so they do not discriminate.
STOP = frozenset(
    """
    a an and are as at be been being but by can cannot could did do does doing done for from had has have having he her
    hers him his how i if in into is it its let me my mine of on or our ours she should so some such than that the their
    theirs them then there these they this those to too us was we were what when where which while who whom whose why
    will with would you your yours am not no yes also just about again any all both each few more most other own same
    only very now one ones get got getting go going goes went gone make made let lets please thing things something
    anything everything way lot bit kind much many really actually still even ever up down out over off back here
    because before after during between through under until against around like well okay ok hello hi hey thanks thank
    s t re ve ll d m don didn doesn isn wasn won wouldn couldn shouldn aren hadn hasn haven ain
    tell told say said says saying talk talked talking talks speak spoke discuss discussed mention mentioned ask asked
    remember recall remind session sessions therapy therapist counselor counsellor time times last first second third
    whether according exactly give gave given want wanted know knew think thought mean means used use happen happened
    agree agreed decide decided did suggest suggested plan planned""".split()  # noqa: SIM905 - a list of words reads as words
)

_IRREGULAR = {
    "slept": "sleep", "asleep": "sleep", "woke": "wake", "woken": "wake", "awake": "wake", "waking": "wake",
    "felt": "feel", "drank": "drink", "drunk": "drink", "swam": "swim", "swum": "swim", "wrote": "write",
    "written": "write", "ate": "eat", "ran": "run", "came": "come", "took": "take", "taken": "take", "taught": "teach",
    "bought": "buy", "brought": "bring", "fought": "fight", "argument": "argue", "arguing": "argue", "argued": "argue",
    "fell": "fall", "grew": "grow", "grown": "grow", "kept": "keep", "left": "leave", "lost": "lose", "met": "meet",
    "sold": "sell", "selling": "sell", "children": "child", "kids": "child", "kid": "child", "mom": "mother",
    "mum": "mother", "dad": "father", "breath": "breathe", "breathing": "breathe", "anxiety": "anxious",
    "worries": "worry", "worried": "worry", "lives": "live", "living": "live", "lived": "live", "driving": "drive",
    "drove": "drive", "bedtime": "bed", "nights": "night", "homeworks": "homework", "assignment": "homework",
    "exercises": "exercise", "practise": "practice", "died": "die", "death": "die", "dying": "die", "did": "do",
    "began": "begin", "begun": "begin", "started": "begin", "start": "begin", "spoke": "speak",
    "saw": "see", "seen": "see", "paid": "pay", "hurt": "hurt", "angry": "anger", "sad": "sad", "sadness": "sad",
    "presented": "presentation", "presenting": "presentation", "present": "presentation", "chose": "choose",
}  # fmt: skip
_ENDINGS = (
    ("ational", "ate"), ("ization", "ize"), ("fulness", "ful"), ("ousness", "ous"), ("iveness", "ive"), ("ies", "y"),
    ("sses", "ss"), ("ings", ""), ("ing", ""), ("edly", ""), ("ed", ""),
    ("ness", ""), ("ment", ""), ("ly", ""), ("es", "e"), ("s", ""),
)  # fmt: skip


def words(text: str) -> list[str]:
    """Return the words of a text, in lower case and in order."""
    return _WORD.findall(searchable(text).lower().replace("’", "'"))


def content_stems(text: str) -> list[str]:
    """Return the stems of the content words, in order, with repetitions."""
    return [stem(word) for word in words(text) if word not in STOP and word.partition("'")[0] not in STOP]


def stem(word: str) -> str:
    """Return the stem that inflections of a word share. Light on purpose, so that few different words collide."""
    word = word.removesuffix("'s").partition("'")[0]
    if word in _IRREGULAR:
        return _finish(_IRREGULAR[word])
    if word.endswith("ss") or len(word) <= STEM_CHARS_MIN or word.isdigit():
        return word
    for ending, replacement in _ENDINGS:
        root = word.removesuffix(ending)
        if root != word and len(root) >= STEM_CHARS_MIN:
            return _finish(_IRREGULAR.get(root + replacement, root + replacement))
    return _finish(word)


def _finish(root: str) -> str:
    if len(root) > STEM_CHARS_MIN and root[-1] == root[-2] and root[-1] not in "aeiouls":
        root = root[:-1]
    return root[:-1] if len(root) > STEM_CHARS_MIN and root.endswith("e") else root


def _senses(*groups: str) -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for group in groups:
        stems = {stem(word) for word in group.split()}
        for one in stems:
            table.setdefault(one, set()).update(stems - {one})
    return {one: frozenset(others) for one, others in table.items()}


# Synonyms in questions about sessions; a plain list, open to review.
SAME_SENSE = _senses(
    "homework assignment task practice exercise experiment",
    "exercise technique method practice",
    "boss director manager supervisor",
    "job work career office",
    "worry anxious fear afraid scared nervous panic stress",
    "sleep insomnia wake night bed",
    "argue fight conflict quarrel disagree",
    "mother parent",
    "father parent",
    "sister sibling",
    "brother sibling",
    "husband wife partner spouse marriage",
    "child son daughter",
    "friend buddy",
    "coffee caffeine",
    "alcohol wine beer drunk",
    "medication medicine pill prescription drug dose",
    "doctor physician psychiatrist",
    "sad grief sadness cry depressed",
    "anger angry furious mad",
    "happy joy glad enjoy enjoyment",
    "swim sport pool",
    "notebook journal diary log",
    "house home flat apartment",
    "presentation speech",
    "school college university class",
    "money budget debt salary",
    "pet dog cat",
    "trip travel vacation holiday visit",
    "mood feeling emotion",
    "goal aim next",
    "body chest shoulder stomach physical",
    "reduce stop cut less",
    "hard difficult tough",
)

# Words for the type of answer rather than its subject.
ATTRIBUTES = frozenset(
    stem(word)
    for word in """colour color name number kind type age old long often scale amount place reason way badly well good
    bad better worse feel felt week day month year hour minute today morning part people person question answer idea
    detail example step rate feeling currently lately recently usually""".split()  # noqa: SIM905
)
