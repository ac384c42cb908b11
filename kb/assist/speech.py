"""What is left of an utterance once the sounds, courtesies and numbers of a telephone call are taken out of it.

Clause by clause: one that is nothing but courtesy goes whole, so that no word is cut out of a sentence that needs it.
"""

# ruff: noqa: E501 - lists of phrases read as lists

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from kb.answer.facts import TENS, UNITS
from kb.search.terms import in_simplified, is_chinese

_PLACEHOLDER = re.compile(r"\[[a-z ]{3,20}\]")
"""What redaction leaves of a name or a number."""
_CLAUSE = re.compile(r"[^,，。.;；:!！?？…~\n]+[,，。.;；:!！?？…~\n]*")
_EDGES = " \t\n,，。.、;；:：!！?？~…-–—"
_ENGLISH = r"""
    u+h+|u+m+|e+rm*|h+m+|m+-?h*m+|a+h+|o+h+|huh|you know(?: what)?|i mean|kind of|sort of|like|well|so|and|but|then|yeah
    |yep|yup|yes|no|nope|nah|okay|ok|okey dokey|hi(?: there|ya)?|hello|hey|good (?:morning|afternoon|evening|day)|morning|afternoon
    |evening|thank(?:s| you)|(?:so|very) much|a lot|ever so much|for (?:that|your (?:help|time))|anyway|cheers|ta|bye|goodbye|see you
    |lovely|brilliant|perfect|great|fine|alright|all right|right(?: then)?|sure|exactly|correct|no (?:problem|worries|bother)|never mind
    |take your time|you alright|how are you(?: doing)?|(?:can|could) you hear me|have a (?:nice|good|lovely) (?:day|one|evening|weekend)
    |(?:hang|hold) on|(?:just )?(?:a|one) (?:second|sec|moment|minute|tick)|bear with me|let me (?:just )?(?:have a look|see|check|think|find it)
    |that'?s (?:everything|all|it|good|great|fine|right|okay|a shame|a pity|annoying)|for (?:today|now)|please|there|here|it'?s
    |(?:i was|i'?m) (?:just )?wondering if you (?:could|can) help(?: me)?|(?:could|can) you help(?: me)?(?: with something)?|actually|basically
    |i(?:'ve| have| had)?(?: got| just have)? a (?:quick )?question|(?:my name|the name)(?:'s| is).*|this is (?:mr|mrs|ms|miss|dr).*|speaking
    |while i'?ve got you|by the way|listen|look|wow|fair enough|i see|got it|gotcha|makes sense|of course|absolutely|i dunno|i don'?t know
    |not sure|possibly|maybe|i think so|i guess|it'?s (?:mr|mrs|ms|miss|dr)\b.*|(?:that|it)(?:'s| is) (?:all )?(?:working|sorted|done|fixed)(?: now)?
    |(?:that|it) (?:works|worked)(?: now)?|okay cool|cool|thing is|sorry|sorry about that|pardon|one more thing|another thing|good|really|true
"""
_CHINESE = (
    r"[嗯呃啊哦噢喔唉哎诶欸嘛呀哈哟额喂]+|那个(?:什么)?|这个|就是(?:说)?|然后(?:呢)?|怎么说呢|你知道吧|对(?:的|了|对)*|是(?:的|啊|吧|是)*|不是"
    r"|[你您]们?好|早上好|早|下午好|晚上好|谢谢(?:[您你]|了)*|多谢|感谢|辛苦(?:了|[您你])*|麻烦(?:[你您])?了?|再见|拜拜|不客气|没关系|没事(?:儿|的|了)*"
    r"|好(?:的|了|吧|嘞|好)*|行(?:吧|的|了|行)*|可以(?:的|了|吧)?|知道了?|明白了?|了解了?|收到|原来(?:是)?(?:这样|如此)|这样子?|那就这样(?:吧)?|就这样(?:吧)?"
    r"|听得?(?:见|到)吗?|能听见吗|在吗|请问(?:一下)?|(?:我)?(?:就)?(?:想|要)?(?:请)?问(?:一)?(?:下|个事)|我想|咨询(?:一)?下|[你您]?等(?:我)?(?:一|下|会儿?|等)*|稍等(?:一下)?"
    r"|我(?:先)?(?:看|想|算|查|找)+(?:一下|看|想|算|查|找)*|没别的(?:事|了)*|没有?(?:了|啊|的)*|慢慢(?:来|查|看)|[你您]慢慢(?:来|查|看)|[你您](?:说|讲|先)|免贵姓?|我姓|我叫|贵姓"
    r"|不好意思|打扰了?|有(?:的|有)*|回来了|找到了|真的(?:吗)?|应该(?:是|吧)*|不知道|不清楚|还有(?:一个|个)?(?:事|问题)?|顺便|那|它|诶对了|对了|我跟你(?:讲|说)|是这样(?:的)?"
    r"|不用了?|已经好了|能用了|弄好了|太好了|麻烦你了|这么贵|这样啊"
)
_ONLY = re.compile(rf"\s*(?:(?:{_ENGLISH.replace(chr(10), '').replace('    ', '')}|{_CHINESE})\s*)+", re.IGNORECASE)
_LEADING = re.compile(
    r"(?:(?:u+h+|u+m+|e+rm*|h+m+|a+h+|o+h+|yeah|yep|yes|no|okay|ok|well|so|right|and|but|hi|hello|hey|listen|look|like|i mean)\b[\s]*"
    r"|[嗯呃啊哦噢喔唉哎诶欸喂额]+|你好|那个|这个|就是说|就是|然后|请问|我想问一下|那)+(?=\S)",
    re.IGNORECASE,
)
_TRAILING = re.compile(r"[啊呀嘛哦喔噢哈呢吧啦]+$")
_NUMBER_WORDS = [*UNITS, *TENS, "oh", "hundred", "thousand", "double", "triple", "nought"]
_NUMBER = re.compile(rf"\b(?:{'|'.join(_NUMBER_WORDS)})\b|\d|[零〇一二两三四五六七八九十百千万幺]", re.IGNORECASE)
_READ_ALOUD = re.compile(
    rf"(?:(?:我的?)?(?:订单号?|手机号?码?|电话号?码?|单号)(?:是|就是)?|(?:my |the )?(?:order|phone|mobile)(?: number)?(?:'s| is)? )?(?:\b(?:[A-Z]\s?)+)?(?:(?:\b(?:{'|'.join(_NUMBER_WORDS)})\b|\d|[零〇一二两三四五六七八九十幺])[\s,，、。.\-]*){{6,}}",
    re.IGNORECASE,
)
"""Six digits or more in a row: a telephone or order number; a code has fewer, after its letter."""
_PART = re.compile(
    r"(?:\b(?:\w|and|then|at|dash|it'?s|days?|months?|years?|pounds?|yuan|percent)\b|[是杠横号个月年天块元期点分折台件层楼米左右号])",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"(?<![A-Za-z])[A-Za-z] ?-? ?\d|(?<![A-Za-z])[A-Za-z] ?(?:杠|dash)|(?<![A-Za-z])[A-Za-z] ?[一二三四五六七八九]"
    rf"|(?<![A-Za-z'])[B-HJ-Zb-hj-z] (?:{'|'.join(_NUMBER_WORDS)})\b",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"[?？]|[吗么]|怎么|多少|多久|多长|什么|几[天个时号点次分块]|哪|能不能|可不可以|行不行|要不要|会不会|是不是|有没有|好不好|还能|能[^，]{0,12}[不吗]$|可以[^，]{1,12}吗|为啥|咋"
    r"|我[就还也]?想|我[就还也]?要|需要|要(?:收|花|等)|帮我|坏了|不[了动转到出来着上行亮响]|没[^，]{0,4}[到了来回]|老是|一直|投诉|漏"
    r"|\b(?:what|how|when|where|why|which|who|can|could|do|does|is it|are|will|would|should|want|need|like to|trying|won'?t|doesn'?t|isn'?t"
    r"|can'?t|cannot|didn'?t|haven'?t|hasn'?t|never|still|keeps?|broken|wrong|problem|stuck|missing|nobody|leak\w*|smell\w*|supposed to)\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=4_096)
def content(text: str) -> str:
    """What an utterance asks or tells, in its own words; empty for greetings, listening sounds, names and numbers."""
    return ("，" if is_chinese(text) else ", ").join(clauses(text))


@lru_cache(maxsize=4_096)
def clauses(text: str) -> tuple[str, ...]:
    """The clauses of an utterance that say something, without their leading sounds and with single spaces."""
    plain = _PLACEHOLDER.sub(",", unicodedata.normalize("NFKC", text))
    found = (_bare(match.group()) for match in _CLAUSE.finditer(_READ_ALOUD.sub(",", plain)))
    return tuple(dict.fromkeys(clause for clause in found if clause))


def asks(text: str) -> bool:
    """Whether a text has a word that asks for something, or tells that something is not as it should be."""
    return _ASKS.search(in_simplified(text)) is not None


def digits(text: str) -> int:
    """How many digits an utterance has that is nothing but numbers; 0 where it says anything else."""
    said = [clause for part in _CLAUSE.findall(unicodedata.normalize("NFKC", text)) if (clause := part.strip(_EDGES))]
    numbers = [clause for clause in said if not _ONLY.fullmatch(in_simplified(clause))]
    return (
        sum(len(_NUMBER.findall(n)) for n in numbers)
        if numbers and all(_is_number(n) and not has_code(n) for n in numbers)
        else 0
    )


def has_code(text: str) -> bool:
    """Whether a text holds what may be a code: a letter followed by a digit."""
    return _CODE.search(text) is not None


def _bare(clause: str) -> str:
    """A clause as it is looked up; empty where it says nothing."""
    said = " ".join(clause.split()).strip(_EDGES)
    plain = in_simplified(said)
    if not said or _ONLY.fullmatch(plain) or (_is_number(plain) and not has_code(plain)):
        return ""
    if len(plain) != len(said):
        said = plain
    start = match.end() if (match := _LEADING.match(plain)) else 0
    end = match.start() if (match := _TRAILING.search(plain)) else len(plain)
    return said[start:end].strip(_EDGES)


def _is_number(text: str) -> bool:
    """Whether a text is nothing but numbers read aloud, one by one, what they count, and what joins them."""
    return bool(_NUMBER.search(text)) and not any(map(str.isalnum, _PART.sub("", _NUMBER.sub(" ", text))))
