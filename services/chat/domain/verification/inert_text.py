"""Decides whether a text is inert: no link, markup, invisible character, order or diagnosis to act on."""

import re
import unicodedata

_LINK = re.compile(
    r"\w+://|\bwww\b|\bmailto:|\w@\w|\b\d{1,3}(?:\.\d{1,3}){3}\b"
    # Any top-level domain, listed or not: a dot between two words is never good prose.
    r"|[^\W_](?:[\w-]*[^\W_])?\.[^\W\d_]{2,}"
    r"|\w\s*[(\[]?\bdot\b[)\]]?\s*(?:com|net|org|io|info|biz|me|co|app|dev|ru|xyz|link|site)\b",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"[<>\[\]{}`|\\*_~^=#]|&#?\w+;")
_DOTS = str.maketrans("。｡․﹒．", ".....")
# Control, format, private use, unassigned, surrogates, line and paragraph separators, and marks that do not compose.
_HIDDEN = frozenset(("Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp", "Mn", "Me"))
_TREATMENT = (
    r"(?:medic\w+|meds|pills?|dos(?:e|es|age|ing)|tablets?|capsules?|prescri\w+|antidepress\w+|insulin|lithium|ssris?|"
    r"treatments?|drugs?|milligrams?|mg|mcg|\w{3,}(?:pam|lam|xetine|pine|prazole|idone|triptyline|pril|olol|statin|"
    r"azine|piprazole|barbital|codone|pram|faxine|traline|zodone|pentin|gabalin|propion|phenidate|setron|codeine))"
)
_CHANGE = (
    r"(?:stop|start|quit|skip|doubl|halv|increas|decreas|reduc|rais|lower|chang|adjust|taper|cut|drop|com(?:e|ing) off|"
    r"go(?:ing)? off|get(?:ting)? off|take|taking|try|trying|switch|resum|ditch|throw|flush|wean|up the|"
    r"stay(?:ing)? on|stick(?:ing)? with|do without|get rid of|leave off|leaving off)\w*"
)
_ADVICE = re.compile(
    rf"\b(?:should|must|ought|need(?:s|ed)?|ha(?:ve|s|d) to|can|could|may|might|better|best|please|just|"
    rf"safe(?:ly)?|fine|"
    rf"okay|ok|suggest\w*|recommend\w*|advis\w*|encourag\w*|told you|tells you|ask(?:ed|s)? you|want(?:ed|s)? you|"
    rf"urg\w+|instruct\w*|remind\w*|would|will|let|homework|plan|time|never|instead|told|said|says) "
    rf"(?:\w+['’]?\w* ){{0,5}}?(?:{_CHANGE}|double|halve)\b.{{0,40}}\b{_TREATMENT}\b"
    rf"|(?:^|[.!?:;,“\"]\s*|\b(?:and|so|then|to|not|don['’]t) )(?:{_CHANGE}|double|halve)\b.{{0,40}}\b{_TREATMENT}\b"
    rf"|\b(?:do not|don['’]t|no longer|not) (?:need|want|take|use)\b.{{0,30}}\b{_TREATMENT}\b"
    rf"|\b{_TREATMENT}\b.{{0,40}}\b(?:should|must|can|could|may|ought|needs? to) be (?:{_CHANGE}|doubled|halved)",
    re.IGNORECASE,
)
# A report of the patient's own treatment is not advice, as long as nobody is told to do anything.
_OWN_PAST = re.compile(
    r"\byou (?:said|told your therapist|mentioned|explained|reported|described|shared)\b(?: that)?"
    r" (?!.*\b(?:should|must|ought|needs?|needed|ha(?:ve|d|s) to|better|can|could|may|might|will|would|"
    r"told you|advis\w+|recommend\w*|"
    r"suggest\w*|encourag\w+|want(?:s|ed) you|ask(?:s|ed) you|please|just|let)\b)(?:you|she|he|they|dr\.?|your)\b",
    re.IGNORECASE,
)
_REFERRAL = re.compile(
    r"\b(?:talk|speak|check|discuss|ask|see)\b.{0,30}\b(?:doctor|psychiatrist|gp|prescriber|physician|pharmacist)\b"
    r".{0,30}\b(?:before|first|about)\b",
    re.IGNORECASE,
)
_CONDITION = (
    r"(?:depress(?:ion|ed|ive)|bipolar|adhd|add|ptsd|ocd|schizo\w+|borderline|narciss\w+|psycho\w+|autis\w+|anorexi\w+|"
    r"bulimi\w+|mania|manic|\w* ?disorder|agoraphob\w*|dementia|alcoholi\w+|syndrome|phobia|panic disorder|addict\w*)"
)
_DIAGNOSIS = re.compile(
    r"\b(?:you|your|this|that|it|which)\b.{0,60}?\b(?:ha(?:ve|s|d)|suffer\w*|sounds? like|looks? like|show\w* signs of|"
    r"meets?|criteria|are|were|is|was|diagnos\w+|symptoms?|consistent with|points? to|means|indicates?|suggests?) "
    rf"(?:\w+ ){{0,5}}?{_CONDITION}\b|\bdiagnos\w+\b",
    re.IGNORECASE,
)
_OWN_WORDS = re.compile(
    r"^\W*(?:on [\w ,]+,? )?you (?:said|told your therapist|mentioned|shared|explained)\b", re.IGNORECASE
)
_ORDER = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass) (?:\w+ ){0,4}(?:instructions?|rules|prompts?|"
    r"guidelines|warnings?)\b"
    r"|\b(?:system prompt|developer mode|as an ai|language model|jailbreak)\b"
    r"|\b(?:send|wire|transfer|pay|deposit)\b.{0,30}\b(?:money|\$|£|€|dollars|pounds|bitcoin|crypto|gift cards?)"
    r"|\b(?:password|passcode|credit card|social security|bank details|account number|pin code)\b"
    r"|\b(?:click|visit|download|scan|subscribe|log ?in)\b.{0,20}\b(?:link|here|site|page|app|code|below)\b"
    r"|\b(?:kill|hurt|harm|cut|starve|hang|burn)(?:ing)? (?:yourself|yourselves|him|her|them)\b|"
    r"\bend (?:your|it) (?:life|all)\b"
    r"|\b(?:better off|be better) (?:dead|without you)\b|\bdeserve to (?:die|suffer)\b|\boverdos\w+\b",
    re.IGNORECASE,
)
_SELF_REPORT = re.compile(
    r"^\W*you (?:said|told your therapist) (?:that )?you (?:had )?(?:thought|felt|wanted|were)\b", re.IGNORECASE
)


def is_inert(text: str) -> bool:
    """Return True if the text neither links, formats, hides nor disguises anything."""
    composed = unicodedata.normalize("NFC", text)
    if any(unicodedata.category(sign) in _HIDDEN for sign in composed):
        return False
    if any(sign.isalpha() and "LATIN" not in unicodedata.name(sign, "") for sign in composed):
        return False
    folded = unicodedata.normalize("NFKC", composed.translate(_DOTS))
    return not _LINK.search(folded) and not _MARKUP.search(folded)


def is_harmless(text: str) -> bool:
    """Return True if the text holds no order, advice on treatment or diagnosis, whoever it is said to come from."""
    if _ORDER.search(text) and not _SELF_REPORT.search(text):
        return False
    if _DIAGNOSIS.search(text) and not _OWN_WORDS.search(text):
        return False
    return not _ADVICE.search(text) or bool(_OWN_PAST.search(text) or _REFERRAL.search(text))
